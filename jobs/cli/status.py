"""``arraymill status``: how one job stands, and what to do next."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import click

from ..durations import format_seconds
from .help import Command
from .job_ids import job_argument, json_option
from .options import verbosity_options
from .terminal import escape

if TYPE_CHECKING:
    from .job_view import JobView

__all__ = ["status", "status_record", "status_text"]


def _status(job: str, as_json: bool) -> None:
    from ..store import find_job  # a --help page needs no store
    from .job_view import view_job

    view = view_job(find_job(job))
    if as_json:
        click.echo(json.dumps(status_record(view), indent=2))
    else:
        click.echo(status_text(view, time.time()))


def status_text(view: JobView, now_s: float) -> str:
    """Return how a job stands as lines of text.

    Parameters
    ----------
    view : JobView
    now_s : float
        Unix time.
    """
    from .job_view import label_rows, next_step, seconds_left, state_words

    left_s = seconds_left(view)
    error = view.state.error or {}
    return label_rows(
        f"job {view.title}",
        [
            ("status", state_words(view, now_s)),
            ("cause", escape(str(error.get("cause") or "")) if not view.is_active else ""),
            ("blocks", _blocks(view)),
            ("left", f"about {format_seconds(left_s)}" if left_s is not None else ""),
            ("runs on", _place(view)),
            ("output", _output(view)),
            ("folder", escape(str(view.folder.path))),
            ("next", next_step(view)),
        ],
    )


def status_record(view: JobView) -> dict[str, Any]:
    """Return how a job stands as a JSON document."""
    from .job_view import next_step, seconds_left

    state, settled = view.state, view.settled
    return {
        "schema": 1,
        "id": view.folder.id,
        "name": state.name or None,
        "operation": state.op,
        "status": state.status,
        "reason": view.reason or None,
        "pid": view.pid,
        "created_s": state.created_s,
        "started_s": state.started_s,
        "ended_s": state.ended_s,
        "n_blocks": view.n_blocks,
        "n_done": view.n_done,
        "n_attempts": settled.epoch,
        "n_retries": settled.n_retries,
        "n_splits": settled.n_splits,
        "n_deaths": settled.n_deaths,
        "n_timeouts": settled.n_timeouts,
        "n_skipped": len(settled.holes),
        "left_s": seconds_left(view),
        "place": dict(view.plan["place"]) if view.plan else None,
        "output": state.output,
        "partial": settled.output["partial"] if settled.output and state.status != "DONE" else None,
        "folder": str(view.folder.path),
        "exit_code": state.exit_code,
        "error": state.error,
        "next": next_step(view),
    }


def _blocks(view: JobView) -> str:
    if not view.n_blocks:
        return ""
    settled = view.settled
    counts = [
        (settled.n_retries, "retry", "retries"),
        (settled.n_splits, "split", "splits"),
        (settled.n_deaths, "worker death", "worker deaths"),
        (settled.n_timeouts, "timeout", "timeouts"),
        (len(settled.holes), "skipped", "skipped"),
    ]
    said = [f"{n} {one if n == 1 else many}" for n, one, many in counts if n]
    done = f"{view.n_done} of {view.n_blocks} done ({100 * view.n_done // view.n_blocks} %)"
    attempts = [f"{settled.epoch} attempts"] if settled.epoch > 1 else []
    return ", ".join([done, *said, *attempts])


def _place(view: JobView) -> str:
    if view.plan is None:
        return ""
    place, n = view.plan["place"], view.plan["n_workers"]
    device = "GPU" if place["device"] == "cuda" else "CPU"
    return f"{device}, {place['kind']}, {n} worker{'s' * (n != 1)} ({escape(place['reason'])})"


def _output(view: JobView) -> str:
    from .job_view import shown_path

    if view.state.output is None:
        return "none was asked for: the result is kept with the job" if view.state.status == "DONE" else ""
    path = shown_path(view.state.output)
    if view.state.status == "DONE":
        return path
    if view.settled.output is None:
        return f"{path}, once it is whole"
    return f"{path}, once it is whole; until then it is {shown_path(view.settled.output['partial'])}"


status = Command(
    "status",
    callback=_status,
    params=[job_argument("job"), json_option(), *verbosity_options()],
    short_help="Show how a job stands, and what to do next",
    help="Show how a job stands, and what to do next.\n\nReads the job's folder only; it never waits.",
    examples=("arraymill status k3f9qzab", "arraymill status k3f --json"),
)
