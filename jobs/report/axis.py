"""The time in which a job was worked on: its attempts one after another, without the days between them."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any

from ..engine import BlockRecord
from ..store import JobState

__all__ = ["Stretch", "WorkAxis", "work_axis"]

_ENDED_BY_ITSELF = ("DONE", "FAILED", "INTERRUPTED")
"""Whoever worked on it wrote down when it ended; a job can be cancelled long after the last work on it."""
_PREPARING = ("stale", "output")
"""What is noted before an attempt begins would belong to the one before it."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """One attempt.

    Parameters
    ----------
    number : int
        From 1.
    start_s, end_s : float
        Unix times.
    """

    number: int
    start_s: float
    end_s: float

    @property
    def seconds(self) -> float:
        """How long it went on."""
        return self.end_s - self.start_s


@dataclass(frozen=True, slots=True)
class WorkAxis:
    """The attempts at a job, in their order, laid end to end.

    Parameters
    ----------
    stretches : tuple of Stretch

    Examples
    --------
    >>> axis = WorkAxis((Stretch(1, 100.0, 110.0), Stretch(2, 5000.0, 5020.0)))
    >>> axis.total_s, axis.at(104.0), axis.at(300.0), axis.at(5005.0)
    (30.0, 4.0, 10.0, 15.0)
    """

    stretches: tuple[Stretch, ...]

    @property
    def total_s(self) -> float:
        """Seconds of all attempts together."""
        return sum(stretch.seconds for stretch in self.stretches)

    @property
    def begins_s(self) -> tuple[float, ...]:
        """Where each attempt begins on the axis."""
        return tuple(accumulate((stretch.seconds for stretch in self.stretches[:-1]), initial=0.0))

    def at(self, unix_s: float) -> float:
        """Return where a moment lies, in seconds of work; a moment between two attempts is the end of the first."""
        return self.places([unix_s])[0]

    def places(self, unix_s: Iterable[float]) -> list[float]:
        """Return where moments lie, in seconds of work."""
        starts, begins = [stretch.start_s for stretch in self.stretches], self.begins_s
        found = []
        for moment in unix_s:
            place = max(bisect_right(starts, moment) - 1, 0)
            stretch = self.stretches[place]
            found.append(begins[place] + min(max(moment - stretch.start_s, 0.0), stretch.seconds))
        return found


def work_axis(records: Sequence[BlockRecord], events: Iterable[Mapping[str, Any]], state: JobState) -> WorkAxis:
    """Return the attempts at a job.

    Parameters
    ----------
    records : sequence of BlockRecord
    events : iterable of mapping
        Of the ledger; those of kind "epoch" that are of no step begin an attempt.
    state : JobState

    Notes
    -----
    A process that is killed says nothing of its end: an attempt ends with the last thing that is known of it.
    """
    moments = [(record.started_s, record.started_s + record.wall_s) for record in records]
    begins: list[float] = []
    for event in events:
        at_s = event.get("at_s")
        if isinstance(at_s, int | float) and event["kind"] not in _PREPARING:
            moments.append((at_s, at_s))
            if event["kind"] == "epoch" and "step" not in event:
                begins.append(float(at_s))
    if state.started_s is not None:
        moments.append((state.started_s, state.started_s))
        begins = _with_start(begins, state.started_s)
    if state.ended_s is not None and state.status in _ENDED_BY_ITSELF:
        moments.append((state.ended_s, state.ended_s))
    return WorkAxis(tuple(_stretches(sorted(moments), begins[1:])))


def _with_start(begins: list[float], started_s: float) -> list[float]:
    """Return when attempts began, the last of them with what came before its first block."""
    if not begins or started_s > begins[-1]:
        return [*begins, started_s]
    return [*begins[:-1], started_s] if len(begins) == 1 or started_s > begins[-2] else begins


def _stretches(moments: Sequence[tuple[float, float]], later_begins: Sequence[float]) -> Iterator[Stretch]:
    """Yield the attempts, given when each but the first began."""
    starts = [start for start, _ in moments]
    number = 0
    for begin, until in pairwise([float("-inf"), *sorted(later_begins), float("inf")]):
        within = moments[bisect_left(starts, begin) : bisect_left(starts, until)]
        if within:
            number += 1
            # what a worker finished after the next attempt had begun belongs to that one
            yield Stretch(number, within[0][0], min(max(end for _, end in within), until))
