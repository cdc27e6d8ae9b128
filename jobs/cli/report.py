"""``arraymill report``: the receipt of a job."""

from __future__ import annotations

import json

import click

from .help import Command
from .job_ids import job_argument, json_option
from .options import verbosity_options
from .terminal import echo_note, escape

__all__ = ["report"]


def _report(job: str, as_json: bool) -> None:
    from ..errors import JobError  # a --help page needs none of this
    from ..report import report_of, report_text, to_json
    from ..store import find_job
    from .job_view import colored_status, view_job

    view = view_job(find_job(job))
    if view.plan is None:
        raise JobError(
            f"job {view.folder.id} has no report yet",
            cause=f"it is {view.state.status}, and its plan is not made",
            next=f"arraymill status {view.folder.id}",
        )
    made = report_of(view.state, view.settled, view.plan)
    if as_json:
        click.echo(json.dumps({"schema": 1, "id": view.folder.id} | to_json(made), indent=2))
        return
    click.echo(f"job {view.title}: {colored_status(view.state.status)}")
    for line in report_text(made).splitlines():
        click.echo(escape(line))
    if view.state.status != "DONE":
        echo_note(f"job {view.folder.id} is {view.state.status}: this is what it took so far")


report = Command(
    "report",
    callback=_report,
    params=[job_argument("job"), json_option(), *verbosity_options()],
    short_help="Show where the time and the memory of a job went",
    help="Show where the time and the memory of a job went.\n\n"
    "The efficiency compares the job with its slowest stage alone: 100 % is as fast as that stage allows. The ceilings "
    "are those that were measured on this machine (by arraymill doctor, or by the first long job), else nominal ones "
    "of its kind.",
    examples=("arraymill report k3f9qzab", "arraymill report k3f9qzab --json"),
)
