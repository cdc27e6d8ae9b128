"""``arraymill clean``: removes the folders of jobs that are over, never an output."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..durations import parse_duration
from .help import Command
from .job_ids import job_argument, json_option
from .options import verbosity_options
from .terminal import echo_note, escape

if TYPE_CHECKING:
    from .job_view import JobView

__all__ = ["clean"]

_OVER = ("DONE", "CANCELLED", "FAILED")


def _clean(
    jobs: tuple[str, ...], older_than: float | None, every: bool, interrupted: bool, dry_run: bool, as_json: bool
) -> None:
    _check_choice(jobs, older_than, every, interrupted)
    doomed = _named(jobs) if jobs else _chosen(older_than, interrupted)
    if not dry_run:
        for view in doomed:
            _remove(view, with_partial=bool(jobs))
    if as_json:
        removed = [view.folder.id for view in doomed]
        click.echo(json.dumps({"schema": 1, "dry_run": dry_run, "removed": removed}, indent=2))
    elif doomed:
        click.echo("\n".join(view.folder.id for view in doomed))
    n = len(doomed)
    echo_note(f"{n} job{'s' * (n != 1)} {'would be ' * dry_run}removed; outputs stay where they are")


def _check_choice(jobs: tuple[str, ...], older_than: float | None, every: bool, interrupted: bool) -> None:
    if jobs and (older_than is not None or every or interrupted):
        raise click.UsageError("name jobs, or choose them by --older-than, --all and --interrupted, not both")
    if not jobs and older_than is None and not every:
        raise click.UsageError("nothing is chosen: name jobs, or give --older-than 7d or --all")


def _named(jobs: Sequence[str]) -> list[JobView]:
    """Return the jobs that were named, once each.

    Raises
    ------
    JobRunningError
        If one of them is worked on: then none is removed.
    """
    from ..errors import JobRunningError
    from ..store import find_job
    from .job_view import view_job

    views = {folder.id: view_job(folder) for folder in map(find_job, jobs)}
    for job_id, view in views.items():
        if view.is_active:
            raise JobRunningError(
                f"job {job_id} is {view.state.status}",
                cause=f"process {view.pid} works on it",
                safe="nothing was removed",
                next=f"arraymill cancel {job_id} ends it",
            )
    return list(views.values())


def _chosen(older_than_s: float | None, interrupted: bool) -> list[JobView]:
    from ..store import list_jobs
    from .job_view import view_job

    statuses = (*_OVER, "INTERRUPTED") if interrupted else _OVER
    latest_s = time.time() - (older_than_s or 0.0)
    views = [view for view in map(view_job, list_jobs()) if view.state.status in statuses and not view.pid]
    return [view for view in views if (view.state.ended_s or view.state.created_s) <= latest_s]


def _remove(view: JobView, *, with_partial: bool) -> None:
    """Remove a job, and what it left of an unfinished output only where the job was named."""
    from ..store import remove_job

    keeps_result = view.state.status == "DONE" and view.folder.result.exists()
    remove_job(view.folder)
    if keeps_result:
        echo_note(f"job {view.folder.id} had no output file: its result is gone with it")
    for header, info in view.settled.left:
        if Path(info["partial"]).is_relative_to(view.folder.path) or not os.path.lexists(info["partial"]):
            # it went with the folder, or was never made
            continue
        if not with_partial:
            echo_note(f"job {view.folder.id} was not finished: {escape(info['partial'])} stays")
        elif (problem := _remove_partial(header, info)) is not None:
            echo_note(f"job {view.folder.id}: {escape(info['partial'])} stays: {escape(problem)}")


def _remove_partial(header: dict[str, Any], info: dict[str, Any]) -> str | None:
    """Remove an unfinished output, if it is this job's, and return why it stays if it does."""
    import numpy as np

    from ..arrays import adopt_output
    from ..errors import JobError

    try:
        left = adopt_output(
            info["path"],
            tuple(header["shape"]),
            np.dtype(header["dtype"]),
            header["order"],
            replace=True,
            info=info,
        )
    except JobError as error:
        return error.cause or error.what
    left.discard()
    return None


def _parse_age(ctx: click.Context, param: click.Parameter, value: str | None) -> float | None:
    try:
        return None if value is None else parse_duration(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


clean = Command(
    "clean",
    callback=_clean,
    params=[
        job_argument("jobs", nargs=-1, required=False),
        click.Option(["--older-than"], metavar="AGE", callback=_parse_age, help="Jobs that ended longer ago: 12h, 7d."),
        click.Option(["--all", "every"], is_flag=True, help="Every job that is DONE, CANCELLED or FAILED."),
        click.Option(["--interrupted"], is_flag=True, help="Also INTERRUPTED jobs, which could be resumed."),
        click.Option(["--dry-run"], is_flag=True, help="Only say which."),
        json_option(),
        *verbosity_options(),
    ],
    short_help="Remove the records of jobs that are over, never outputs",
    help="Remove the records of jobs that are over, never outputs.\n\n"
    "An unfinished output (OUT.partial) is removed with its job only where the job is named. Prints the ids.",
    examples=("arraymill clean --older-than 7d", "arraymill clean k3f9qzab", "arraymill clean --all --dry-run"),
)
