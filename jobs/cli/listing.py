"""``arraymill list``: the jobs of this user, active first."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from ..durations import format_age, format_seconds
from .help import Command
from .job_ids import json_option
from .options import verbosity_options
from .terminal import echo_note, escape

if TYPE_CHECKING:
    from ..store import JobFolder, JobState

__all__ = ["job_table", "list_command"]

_LIMIT = 20
_HEADS = ("id", "name", "status", "done", "age", "took", "output")
_STATUS = _HEADS.index("status")


def _list(show_all: bool, limit: int | None, as_json: bool) -> None:
    from ..store import LIVE, list_jobs, read_state  # a --help page needs no store

    states = [(folder, read_state(folder)) for folder in list_jobs()]
    # list_jobs gives the newest first, and sorting keeps that order within each half
    states.sort(key=lambda job: job[1].status not in LIVE)
    shown = states if show_all else states[: _LIMIT if limit is None else limit]
    if as_json:
        jobs = [_record(folder, state) for folder, state in shown]
        click.echo(json.dumps({"schema": 1, "n_jobs": len(states), "jobs": jobs}, indent=2))
        return
    if shown:
        click.echo(job_table(shown, time.time()))
    else:
        echo_note("no jobs yet: arraymill submit OPERATION INPUT... starts one")
    if len(shown) < len(states):
        echo_note(f"{len(states) - len(shown)} more: --all shows them")


def job_table(jobs: Sequence[tuple[JobFolder, JobState]], now_s: float) -> str:
    """Return jobs as a table, or "" if there are none.

    Parameters
    ----------
    jobs : sequence of (JobFolder, JobState)
    now_s : float
        Unix time.
    """
    from .job_view import colored_status

    if not jobs:
        return ""
    rows = [_HEADS, *(_row(folder, state, now_s) for folder, state in jobs)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADS))]
    lines = []
    for number, row in enumerate(rows):
        cells = [f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)]
        # the last column is not padded
        cells[-1] = row[-1]
        if number:
            cells[_STATUS] = colored_status(cells[_STATUS])
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def _row(folder: JobFolder, state: JobState, now_s: float) -> tuple[str, ...]:
    from ..store import LIVE
    from .job_view import shown_path

    done = f"{100 * state.n_done // state.n_blocks} %" if state.n_blocks else "-"
    end_s = now_s if state.status in LIVE else state.ended_s
    took = format_seconds(end_s - state.started_s) if end_s and state.started_s else "-"
    name = escape(state.name or state.op or "?")
    output = shown_path(state.output) if state.output else "-"
    # a job that was killed while it was created says nothing of itself
    age = format_age(now_s - state.created_s) if state.op else "-"
    return folder.id, name, state.status, done, age, took, output


def _record(folder: JobFolder, state: JobState) -> dict[str, Any]:
    return {
        "id": folder.id,
        "name": state.name or None,
        "operation": state.op,
        "status": state.status,
        "reason": state.reason or None,
        "n_done": state.n_done,
        "n_blocks": state.n_blocks,
        "created_s": state.created_s,
        "started_s": state.started_s,
        "ended_s": state.ended_s,
        "exit_code": state.exit_code,
        "output": state.output,
    }


list_command = Command(
    "list",
    callback=_list,
    params=[
        click.Option(["--all", "show_all"], is_flag=True, help=f"Every job, not only the first {_LIMIT}."),
        click.Option(["--limit"], type=click.IntRange(min=1), metavar="N", help=f"At most N jobs [{_LIMIT}]."),
        json_option(),
        *verbosity_options(),
    ],
    short_help="List the jobs, active ones first",
    help="List the jobs, active ones first.\n\nA job that no process works on, and that has not ended, is INTERRUPTED.",
    examples=("arraymill list", "arraymill list --all --json"),
)
