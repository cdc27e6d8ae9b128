"""What `run` and `plan` do with a job, once it has been read and checked."""

from __future__ import annotations

import json
from typing import Any

import click

from ..api import run_spec
from ..api.planned import plan_of
from ..api.resources import fitting_workers
from ..errors import SpecError
from ..job import open_job
from ..placement import Place
from ..planning import Plan
from ..spec import JobSpec
from .plan_view import header_text, plan_record, plan_table
from .progress import show_progress
from .result_view import LARGEST_PRINTED, outcome_record, receipt_line, result_text
from .terminal import echo_note, is_verbose

__all__ = ["plan_job", "run_job"]

_WORTH_SAYING_S = 1.0
"""Where a job runs, and why, is said of jobs that are predicted to take longer; of all with -v and --json."""


def run_job(job: JobSpec, as_json: bool) -> None:
    """Run a job; print its small result, the path of its large one, or a JSON document.

    Raises
    ------
    JobError, ClusterError
    """
    title = job.name or job.op

    def on_plan(planned: Plan, place: Place) -> None:
        _check_printable(job, planned)
        if is_verbose():
            echo_note(plan_table(planned, place, job.output))
        elif planned.predicted_s >= _WORTH_SAYING_S:
            echo_note(f"{title}: {place.reason}")

    def on_open(session: Any) -> None:
        if job.cluster.dashboard and (link := getattr(session, "dashboard_link", None)):
            echo_note(f"{title}: dashboard at {link}")

    with show_progress(title) as on_progress:
        outcome = run_spec(job, on_plan=on_plan, on_open=on_open, on_progress=on_progress)
    echo_note(receipt_line(outcome))
    if as_json:
        click.echo(json.dumps(outcome_record(job, outcome), indent=2))
    elif outcome.value is not None:
        click.echo(result_text(outcome.value))
    else:
        click.echo(str(outcome.path))


def plan_job(job: JobSpec, as_json: bool) -> None:
    """Print what a job would take.

    Raises
    ------
    CannotFitError
        If not one worker fits in the memory: the verdict is the error.
    JobError, ClusterError
    """
    opened = open_job(job)
    planned, place = plan_of(opened)
    n_fitting = fitting_workers(opened, planned, place)
    if as_json:
        click.echo(json.dumps(plan_record(planned, place), indent=2))
    else:
        click.echo(plan_table(planned, place, job.output))
        click.echo(f"feasible: {n_fitting} worker{'s' * (n_fitting != 1)} at once; only headers were read")


def _check_printable(job: JobSpec, planned: Plan) -> None:
    """Refuse, before work starts, a result that is too large to print and has no file to go to."""
    if job.output is None and planned.output.size > LARGEST_PRINTED:
        raise SpecError(
            f"the result needs a file: {header_text(planned.output)}",
            cause=f"it has {planned.output.size} elements; up to {LARGEST_PRINTED} are printed",
            safe="nothing was read or written",
            next=f"add -o {job.op}.npy",
        )
