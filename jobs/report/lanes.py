"""Which blocks ran one after another: the lanes of a timeline."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from ..engine import BlockRecord

__all__ = ["Lane", "lanes_of"]

_CLOCK_S = 1e-6
"""Times are Unix times in 64-bit floats: what overlaps by less does not."""


@dataclass(frozen=True, slots=True)
class Lane:
    """Blocks that ran one after another.

    Parameters
    ----------
    pids : tuple of int
        The processes that ran them, in their order: a worker that is replaced has another number.
    records : tuple of BlockRecord
        By the time at which they began.
    """

    pids: tuple[int, ...]
    records: tuple[BlockRecord, ...]


def lanes_of(records: Iterable[BlockRecord]) -> tuple[Lane, ...]:
    """Return blocks by lanes, of which there are as few as blocks that ran side by side.

    A process that runs several blocks at a time has several lanes. A lane that ended is gone on with by a process that
    began later.

    Examples
    --------
    >>> def block(number, pid, start, seconds):
    ...     return BlockRecord(number, pid, start, seconds, 0, 0, 0)
    >>> [[record.block for record in lane.records]
    ...  for lane in lanes_of([block(0, 7, 0, 2), block(1, 7, 1, 2), block(2, 7, 2, 2), block(3, 9, 5, 1)])]
    [[0, 2, 3], [1]]
    """
    ordered = sorted(records, key=lambda record: (record.pid, record.started_s, record.block))
    slots = [slot for _, own in groupby(ordered, key=lambda record: record.pid) for slot in _packed([r] for r in own)]
    slots.sort(key=lambda slot: (slot[0].started_s, slot[0].pid, slot[0].block))
    return tuple(Lane(tuple(dict.fromkeys(r.pid for r in lane)), tuple(lane)) for lane in _packed(slots))


def _packed(runs: Iterable[Sequence[BlockRecord]]) -> Iterator[list[BlockRecord]]:
    """Yield runs of blocks, sorted by their start, joined into as few as possible that do not overlap."""
    lanes: list[list[BlockRecord]] = []
    busy: list[tuple[float, int]] = []
    free: list[int] = []
    for run in runs:
        while busy and busy[0][0] <= run[0].started_s + _CLOCK_S:
            heapq.heappush(free, heapq.heappop(busy)[1])
        number = heapq.heappop(free) if free else len(lanes)
        if number == len(lanes):
            lanes.append([])
        lanes[number] += run
        heapq.heappush(busy, (run[-1].started_s + run[-1].wall_s, number))
    yield from lanes
