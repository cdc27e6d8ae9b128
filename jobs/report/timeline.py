"""When each worker ran which block: a lane for each, its blocks as bars, what went wrong as marks above them.

The height of a bar is shared by the steps of the block as its time was: most blocks read, compute and write in many
turns, which no picture could show. Of many blocks a lane is told in equal parts of the time instead, as high as the
worker was busy; so a page stays small, however many blocks a job has.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..durations import format_seconds
from ..engine import BlockRecord
from ..sizes import format_bytes
from .axis import WorkAxis
from .drawing import LEFT, PLOT_WIDTH, Bar, Shape, Tick, box
from .lanes import Lane, lanes_of
from .report import STAGE_WORDS
from .spread import spread
from .ticks import time_ticks
from .told_time import STEPS, told_time, visible_steps
from .troubles import TROUBLES

__all__ = ["LaneRow", "Timeline", "timeline_of"]

MOST_BARS = 1000
"""Of more blocks lanes are told in equal parts."""
MOST_LANES = 64
_MOST_MARKS = 400
_MOST_CELLS = 24_000
_MOST_BINS, _LEAST_BINS = 450, 40
_LEAST_HEIGHT = 0.05
"""What is lower cannot be seen."""
_LABEL_WIDTH, _LABEL_HEIGHT = 70.0, 12.0
_TOP, _BOTTOM, _GAP = 18.0, 22.0, 3.0
_HEIGHTS = ((4, 30.0), (8, 22.0), (24, 14.0), (MOST_LANES, 8.0))
"""Up to so many lanes, each is so high."""


@dataclass(frozen=True, slots=True)
class LaneRow:
    """One lane as it is drawn.

    Parameters
    ----------
    label : str
    middle : str
        Where its label stands.
    bars : tuple of Bar
    """

    label: str
    middle: str
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True)
class Timeline:
    """A drawing of the lanes of a job.

    Parameters
    ----------
    height, floor : str
        Of the picture, and where its lanes end.
    lanes : tuple of LaneRow
    marks : tuple of Bar
        What went wrong.
    ticks, begins : tuple of Tick
        Round times, and where attempts after the first begin.
    kinds : tuple of str
        The steps that are in it.
    is_binned : bool
    n_hidden : int
        Lanes that were left out.
    """

    height: str
    floor: str
    lanes: tuple[LaneRow, ...]
    marks: tuple[Bar, ...]
    ticks: tuple[Tick, ...]
    begins: tuple[Tick, ...]
    kinds: tuple[str, ...]
    is_binned: bool
    n_hidden: int


def timeline_of(records: Sequence[BlockRecord], events: Iterable[Mapping[str, Any]], axis: WorkAxis) -> Timeline:
    """Return the drawing of the blocks of a job, and of what went wrong.

    Parameters
    ----------
    records : sequence of BlockRecord
    events : iterable of mapping
        Of the ledger.
    axis : WorkAxis
    """
    lanes = lanes_of(records)
    shown = lanes[:MOST_LANES]
    kinds = visible_steps(records)
    is_binned = len(records) > MOST_BARS
    height = next((height for most, height in _HEIGHTS if len(shown) <= most), 0.0)
    n_bins = max(_LEAST_BINS, min(_MOST_BINS, _MOST_CELLS // max(len(shown) * len(kinds), 1)))
    rows = tuple(
        LaneRow(
            _label(number, lane) if height >= _LABEL_HEIGHT or number % 2 == 0 else "",
            f"{y + height / 2 + 4:.1f}",
            tuple(_cells(lane, axis, kinds, y, height, n_bins) if is_binned else _bars(lane, axis, kinds, y, height)),
        )
        for number, lane in enumerate(shown)
        for y in [_TOP + number * (height + _GAP)]
    )
    floor = _TOP + len(shown) * (height + _GAP)
    return Timeline(
        height=f"{floor + _BOTTOM:.1f}",
        floor=f"{floor:.1f}",
        lanes=rows,
        marks=tuple(_marks(events, axis)),
        ticks=tuple(Tick(f"{_x(at, axis):.1f}", label) for at, label in time_ticks(axis.total_s)),
        begins=tuple(_begins(axis)),
        kinds=kinds,
        is_binned=is_binned,
        n_hidden=len(lanes) - len(shown),
    )


def _begins(axis: WorkAxis) -> Iterator[Tick]:
    """Yield where attempts after the first begin; of many only those labels that have room."""
    free = 0.0
    for stretch, begin in zip(axis.stretches[1:], axis.begins_s[1:], strict=True):
        x = _x(begin, axis)
        yield Tick(f"{x:.1f}", f"attempt {stretch.number}" if x >= free else "")
        free = x + _LABEL_WIDTH if x >= free else free


def _label(number: int, lane: Lane) -> str:
    return f"pid {lane.pids[0]}" if len(lane.pids) == 1 else f"worker {number + 1}"


def _x(at_s: float, axis: WorkAxis) -> float:
    return LEFT + (PLOT_WIDTH * at_s / axis.total_s if axis.total_s > 0 else 0.0)


def _spans(records: Sequence[BlockRecord], axis: WorkAxis) -> tuple[list[float], list[float]]:
    ends = axis.places(record.started_s + record.wall_s for record in records)
    return axis.places(record.started_s for record in records), ends


def _bars(lane: Lane, axis: WorkAxis, kinds: Sequence[str], y: float, height: float) -> Iterator[Bar]:
    for record, start, end in zip(lane.records, *_spans(lane.records, axis), strict=True):
        left, right = _x(start, axis), _x(end, axis)
        # a hair between neighbours
        width = right - left - 0.6 if right - left > 4 else max(right - left, 0.7)
        shapes, top, told = [], y, told_time(record)
        for step in kinds:
            part = height * told[step] / record.wall_s if record.wall_s > 0 else 0.0
            if part >= _LEAST_HEIGHT:
                shapes.append(Shape(step, box(left, top, width, part)))
                top += part
        if record.attempt > 1 or record.n_splits:
            shapes.append(Shape("again", box(left, y - 1.5, width, 2.0)))
        yield Bar(tuple(shapes), _title(record, start))


def _title(record: BlockRecord, start_s: float) -> str:
    seconds = {step: record.seconds.get(step, 0.0) for step in STEPS}
    said = ", ".join(f"{STAGE_WORDS[step]} {format_seconds(busy_s)}" for step, busy_s in seconds.items() if busy_s)
    again = f", attempt {record.attempt}" if record.attempt > 1 else ""
    halved = f", in parts of 1/{2**record.n_splits}" if record.n_splits else ""
    moved = f"{format_bytes(record.bytes_read)} read, {format_bytes(record.bytes_written)} written"
    took = f"{format_seconds(record.wall_s)} from {format_seconds(start_s)} on, process {record.pid}"
    return f"block {record.block}{again}{halved}: {took}; {said or 'no steps told apart'}; {moved}"


def _cells(lane: Lane, axis: WorkAxis, kinds: Sequence[str], y: float, height: float, n_bins: int) -> Iterator[Bar]:
    starts, ends = _spans(lane.records, axis)
    width, bin_s = PLOT_WIDTH / n_bins, axis.total_s / n_bins or 1.0
    told = [told_time(record) for record in lane.records]
    lower: NDArray[np.float64] = np.full(n_bins, y + height)
    shapes = []
    for kind in kinds:
        seconds = [times[kind] for times in told]
        parts = height * spread(starts, ends, seconds, total=axis.total_s, n_bins=n_bins) / bin_s
        upper = lower - parts
        path = "".join(
            box(LEFT + place * width, upper[place], width, parts[place])
            for place in np.flatnonzero(parts >= _LEAST_HEIGHT).tolist()
        )
        shapes.append(Shape(kind, path))
        lower = upper
    yield Bar(tuple(shapes), f"{len(lane.records)} blocks")


def _marks(events: Iterable[Mapping[str, Any]], axis: WorkAxis) -> Iterator[Bar]:
    told = [event for event in events if event["kind"] in TROUBLES and isinstance(event.get("at_s"), int | float)]
    for event, at_s in zip(told[:_MOST_MARKS], axis.places(e["at_s"] for e in told[:_MOST_MARKS]), strict=True):
        x = _x(at_s, axis)
        block = f" of block {event['block']}" if "block" in event else ""
        path = f"M{x - 4:.1f} 3.0h8.0l-4.0 8.0z"
        yield Bar((Shape("bad", path),), f"{TROUBLES[event['kind']]}{block} at {format_seconds(at_s)}")
