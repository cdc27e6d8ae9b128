"""A stored job, read once and put into words: how far it is, why it stands where it stands, what to do next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from ..durations import format_age, format_seconds
from ..store import LIVE, JobFolder, JobState, Settled, holder_of, read_settled, read_state
from .terminal import escape

__all__ = [
    "JobView",
    "colored_status",
    "label_rows",
    "next_step",
    "seconds_left",
    "shown_path",
    "state_words",
    "view_job",
]

_COLORS = {"DONE": "green", "FAILED": "red", "INTERRUPTED": "yellow", "CANCELLED": "yellow"}


@dataclass(frozen=True, slots=True)
class JobView:
    """What is recorded of a job at one moment.

    Parameters
    ----------
    folder : JobFolder
    state : JobState
    settled : Settled
    pid : int or None
        Process that works on it now.
    """

    folder: JobFolder
    state: JobState
    settled: Settled
    pid: int | None

    @property
    def plan(self) -> Mapping[str, Any] | None:
        """The plan record; None before there is one."""
        return self.settled.plan

    @property
    def title(self) -> str:
        """The id, and in brackets what the job is."""
        what = ", ".join(escape(text) for text in (self.state.name, self.state.op) if text)
        return f"{self.folder.id} ({what})" if what else self.folder.id

    @property
    def n_done(self) -> int:
        """Blocks whose receipts are committed."""
        return len(self.settled.done) if self.plan is not None else self.state.n_done

    @property
    def n_blocks(self) -> int:
        """Blocks of the job; 0 before there is a plan."""
        return int(self.plan["n_blocks"]) if self.plan is not None else self.state.n_blocks

    @property
    def is_active(self) -> bool:
        """Whether somebody works on it, or will."""
        return self.state.status in LIVE

    @property
    def reason(self) -> str:
        """Why it is pending, interrupted, or has failed; "" where there is nothing to explain."""
        error = self.state.error or {}
        return str(self.state.reason or error.get("what") or "")


def view_job(folder: JobFolder) -> JobView:
    """Read a job. Nothing is locked: what is read may be a moment old."""
    state = read_state(folder)
    return JobView(folder, state, read_settled(folder), holder_of(folder))


def seconds_left(view: JobView) -> float | None:
    """Return how long a running job will take from here, at the pace of this attempt; None where that is unknown."""
    since_s = view.state.started_s
    if view.state.status != "RUNNING" or since_s is None:
        return None
    ends: list[float] = sorted(record["started_s"] + record["wall_s"] for record in view.settled.done.values())
    recent = [end for end in ends if end >= since_s]
    if len(recent) < 2:
        return None
    # from the first receipt on: what came before it was the start of the workers
    pace_s = (recent[-1] - recent[0]) / (len(recent) - 1)
    return pace_s * (view.n_blocks - view.n_done)


def next_step(view: JobView) -> str:
    """Return what a user may do about a job as it stands."""
    job_id, status = view.folder.id, view.state.status
    if status == "DONE":
        return f"arraymill result {job_id}"
    if status == "FAILED":
        advised = (view.state.error or {}).get("next") or f"arraymill explain {job_id}; then arraymill resume {job_id}"
        return escape(str(advised))
    if status in ("INTERRUPTED", "CANCELLED"):
        return f"arraymill resume {job_id}"
    has_log = status != "PENDING" and view.folder.driver_log.exists()
    return f"arraymill logs {job_id} -f" if has_log else f"arraymill wait {job_id}"


def shown_path(path: str | Path) -> str:
    """Return a path as it is shortest from here."""
    absolute, here = Path(path), Path.cwd()
    return escape(str(absolute.relative_to(here) if absolute.is_relative_to(here) else absolute))


def colored_status(text: str) -> str:
    """Return a status, padded or not, in its colour."""
    color = _COLORS.get(text.strip())
    return click.style(text, fg=color or "cyan") if text.strip() else text


def label_rows(title: str, rows: Sequence[tuple[str, str]]) -> str:
    """Return a title and, below it, rows of label and text, aligned; rows without text are left out.

    >>> print(label_rows("job x", [("status", "DONE"), ("left", ""), ("blocks", "4 of 4")]))
    job x
      status  DONE
      blocks  4 of 4
    """
    width = max((len(label) for label, text in rows if text), default=0)
    return "\n".join([title, *(f"  {label:<{width}}  {text}" for label, text in rows if text)])


def state_words(view: JobView, now_s: float) -> str:
    """Return the status with its reason and how long it has been so."""
    state, reason = view.state, escape(view.reason)
    status = colored_status(state.status)
    if view.is_active:
        since_s = state.started_s if state.status != "PENDING" else state.created_s
        lasts = f" for {format_seconds(now_s - since_s)}" if since_s else ""
        because = f" because it is {reason}" if reason.startswith("behind") else f" because {reason}" if reason else ""
        return f"{status}{lasts}{because}" + (f", in process {view.pid}" if view.pid else "")
    ago = f" {format_age(now_s - state.ended_s)} ago" if state.ended_s else _silence(view, now_s)
    took = f" after {format_seconds(state.ended_s - state.started_s)}" if state.ended_s and state.started_s else ""
    return f"{status}{ago}{took}" + (f": {reason}" if reason and state.status != "DONE" else "")


def _silence(view: JobView, now_s: float) -> str:
    """Return since when nothing was heard of a job that was killed: nobody wrote down when that was."""
    settled, state = view.settled, view.state
    signs = [record["started_s"] + record["wall_s"] for record in settled.done.values()]
    signs += [event["at_s"] for event in settled.events if "at_s" in event]
    last_s = max([*signs, state.started_s or 0.0, state.created_s])
    return f", last heard of {format_age(now_s - last_s)} ago" if last_s else ""
