"""``arraymill resume`` and ``arraymill cancel``."""

from __future__ import annotations

import json

import click

from .help import Command
from .job_ids import job_argument
from .options import verbosity_options
from .terminal import echo_note

__all__ = ["cancel", "resume"]


def _resume(job: str, accept_changed: bool, detach: bool, as_json: bool) -> None:
    from ..api.stored.attempts import resume_job  # it brings the clusters, which no --help page needs
    from ..api.stored.background import resume_job_in_background
    from ..api.stored.creation import read_spec
    from ..store import find_job
    from .actions import show_outcome, watch_job

    folder = find_job(job)
    spec = read_spec(folder)
    if detach:
        if not resume_job_in_background(folder, accept_changed=accept_changed):
            echo_note(f"job {folder.id} is DONE: nothing is left to do")
        click.echo(json.dumps({"schema": 1, "id": folder.id}) if as_json else folder.id)
        return
    with watch_job(spec) as watch:
        outcome = resume_job(folder, watch=watch, accept_changed=accept_changed)
    if outcome is None:
        echo_note(f"job {folder.id} is DONE: nothing is left to do; see arraymill result {folder.id}")
        return
    show_outcome(spec, outcome, as_json)


def _cancel(jobs: tuple[str, ...], as_json: bool) -> None:
    from ..api.stored.cancelling import cancel_job
    from ..store import find_job

    ended = {folder.id: cancel_job(folder).status for folder in [find_job(job) for job in jobs]}
    if as_json:
        click.echo(json.dumps({"schema": 1, "jobs": ended}))
    for job_id, status in ended.items():
        echo_note(f"job {job_id} is {status}" + ("" if status == "CANCELLED" else ": it had ended already"))


resume = Command(
    "resume",
    callback=_resume,
    params=[
        job_argument("job"),
        click.Option(
            ["--accept-changed"],
            is_flag=True,
            help="Go on although inputs or versions changed; what may be stale runs again.",
        ),
        click.Option(["--detach"], is_flag=True, help="In the background, as submit does."),
        click.Option(["--json", "as_json"], is_flag=True, help="Print one JSON document."),
        *verbosity_options(),
    ],
    short_help="Finish a job that was stopped, killed or has failed",
    help="Finish a job that was stopped, killed or has failed.\n\n"
    "Only blocks that are missing or stale run. The result is the one that an undisturbed run would have given, bit "
    "for bit. If inputs or versions changed, the job is refused and says what changed.",
    examples=("arraymill resume k3f9qzab", "arraymill explain k3f9qzab   # first: what would run, and why"),
)

cancel = Command(
    "cancel",
    callback=_cancel,
    params=[
        job_argument("jobs", nargs=-1),
        click.Option(["--json", "as_json"], is_flag=True, help="Print one JSON document."),
        *verbosity_options(),
    ],
    short_help="End jobs, and keep what they have done",
    help="End jobs, and keep what they have done.\n\n"
    "The devices are free when this returns. A cancelled job can be resumed; one that has ended is left as it is.",
    examples=("arraymill cancel k3f9qzab", "arraymill cancel k3f9qzab m2xw7cde"),
)
