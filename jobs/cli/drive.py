"""``arraymill drive``: what `submit` starts in the background. Not shown in the help: nobody has to call it."""

from __future__ import annotations

import signal

import click

from .help import Command
from .terminal import echo_note

__all__ = ["drive"]


def _drive(job_id: str, lock: int, accept_changed: bool) -> None:
    from ..api.stored.attempts import drive_submitted  # it brings the clusters, which no --help page needs
    from ..api.stored.creation import read_spec
    from ..store import find_job
    from .actions import watch_job
    from .result_view import receipt_line

    # The end of the terminal that submitted the job is none of its business.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with watch_job(read_spec(find_job(job_id))) as watch:
        outcome = drive_submitted(job_id, lock, watch=watch, accept_changed=accept_changed)
    echo_note(receipt_line(outcome))
    if outcome.skipped is not None:
        raise outcome.skipped


drive = Command(
    "drive",
    callback=_drive,
    params=[
        click.Argument(["job_id"]),
        click.Option(["--lock"], type=int, required=True, help="Descriptor of the job's lock."),
        click.Option(["--accept-changed"], is_flag=True, help="As for resume."),
    ],
    hidden=True,
    help="Work on a job whose lock was handed over.",
)
