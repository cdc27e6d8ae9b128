"""What `run` and `plan` do with a job, once it has been read and checked."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import click

from ..api import Outcome
from ..api.planned import plan_of
from ..api.resources import fitting_workers
from ..api.stored.attempts import run_stored
from ..api.stored.claims import check_output
from ..api.watch import Watch
from ..errors import CannotFitError, OutputError, SpecError
from ..job import Job, open_job
from ..plans.chain_plan import AnyPlan, ChainPlan
from ..plans.placement import Place
from ..spec.job_spec import JobSpec
from .chain_view import job_plan_record, job_plan_table
from .plan_view import header_text
from .progress import show_progress
from .result_view import LARGEST_PRINTED, outcome_arrays, outcome_record, receipt_line, result_lines
from .stdout import check_small, is_to_stdout, kept_in_store, write_arrays
from .terminal import echo_note, escape, is_quiet, is_verbose

__all__ = ["plan_job", "run_job", "show_outcome", "watch_job"]

_WORTH_SAYING_S = 1.0
"""Where a job runs, and why, is said of jobs that are predicted to take longer; of all with -v and --json."""


def run_job(job: JobSpec, as_json: bool) -> None:
    """Run a job; print its small result, the path of its large one, or a JSON document.

    Raises
    ------
    JobError, ClusterError
    """
    if is_to_stdout(job):
        _run_to_stdout(kept_in_store(job), as_json)
        return
    with watch_job(job, check=_check_printable) as watch:
        outcome = run_stored(job, watch=watch)
    show_outcome(job, outcome, as_json)


def _run_to_stdout(job: JobSpec, as_json: bool) -> None:
    if as_json:
        raise SpecError(
            "-o - and --json both go to stdout", cause="one of them can", next="name a file, or leave --json out"
        )
    with watch_job(job, check=check_small) as watch:
        outcome = run_stored(job, watch=watch)
    echo_note(receipt_line(outcome))
    write_arrays(outcome_arrays(outcome))
    if outcome.skipped is not None:
        raise outcome.skipped


@contextmanager
def watch_job(job: JobSpec, *, check: Callable[[JobSpec, AnyPlan], object] = lambda job, plan: None) -> Iterator[Watch]:
    """Yield what shows a running job on stderr.

    Parameters
    ----------
    job : JobSpec
    check : callable
        Takes the job and its plan, and raises if its result is too large for where it goes.
    """
    title, job_ids = job.name or job.op, list[str]()

    def on_plan(planned: AnyPlan, place: Place) -> None:
        check(job, planned)
        if is_verbose():
            echo_note(job_plan_table(planned, place, job.output))
        elif planned.predicted_s >= _WORTH_SAYING_S:
            echo_note(": ".join([title, *(f"job {job_id}" for job_id in job_ids), place.reason]))
        if planned.predicted_s >= _WORTH_SAYING_S or place.kind != "inline":
            display.begin()

    def on_open(session: Any) -> None:
        if job.cluster.dashboard and (link := getattr(session, "dashboard_link", None)):
            echo_note(f"{title}: dashboard at {link}")

    with show_progress(title) as display:
        yield Watch(
            on_create=job_ids.append,
            on_plan=on_plan,
            on_wait=lambda reason: echo_note(f"{title}: waiting, {reason}"),
            on_open=on_open,
            on_progress=display.on_progress,
            on_drain=lambda signum: _say_draining(title),
        )


def show_outcome(job: JobSpec, outcome: Outcome, as_json: bool) -> None:
    """Print a finished job: a receipt for people, and its result.

    Raises
    ------
    SkippedBlocksError
        If blocks were left out.
    """
    echo_note(receipt_line(outcome))
    if as_json:
        click.echo(json.dumps(outcome_record(job, outcome), indent=2))
    else:
        for line in result_lines(outcome):
            click.echo(line)
    if outcome.skipped is not None:
        raise outcome.skipped


def _say_draining(title: str) -> None:
    if not is_quiet():
        # from a signal's handler: the buffered stream may be in the middle of a line
        with suppress(OSError):
            os.write(2, f"{title}: stopping once the running blocks are done; again to leave now\n".encode())


def plan_job(job: JobSpec, as_json: bool) -> None:
    """Print what a job would take.

    Raises
    ------
    CannotFitError
        If not one worker fits in the memory: the verdict is the error.
    JobError, ClusterError
    """
    opened = open_job(kept_in_store(job) if is_to_stdout(job) else job)
    try:
        planned, place = plan_of(opened)
        n_fitting = fitting_workers(opened, planned, place)
    except CannotFitError as error:
        if as_json:
            verdict = {"what": error.what, "cause": error.cause, "next": error.next}
            document = {"schema": 1, "feasible": False, "operation": job.op, "error": {"id": error.id} | verdict}
            click.echo(json.dumps(document, indent=2))
        raise
    if as_json:
        click.echo(json.dumps(job_plan_record(planned, place), indent=2))
    else:
        click.echo(job_plan_table(planned, place, job.output))
        click.echo(f"feasible: {n_fitting} worker{'s' * (n_fitting != 1)} at once; only headers were read")
        _say_what_would_stop(opened)


def _say_what_would_stop(job: Job) -> None:
    """Say what is in the way of a job that fits: its output, as it is now."""
    try:
        check_output(job)
    except OutputError as error:
        echo_note(f"but it would not start: {escape(error.what)} ({error.next})")


def _check_printable(job: JobSpec, planned: AnyPlan) -> None:
    """Refuse, before work starts, a result that is too large to print and has no file to go to."""
    outputs = [planned.output]
    if isinstance(planned, ChainPlan):
        outputs = [planned.header_of(name) for name, _ in planned.outputs]
    largest = max(outputs, key=lambda header: header.size)
    if job.output is None and largest.size > LARGEST_PRINTED:
        raise SpecError(
            f"the result needs a file: {header_text(largest)}",
            cause=f"it has {largest.size} elements; up to {LARGEST_PRINTED} are printed",
            safe="nothing was read or written",
            next=f"add -o {job.op}.npy",
        )
