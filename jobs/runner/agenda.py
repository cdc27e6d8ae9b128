"""Which block is sent next: those to be tried again, then fresh ones, then, alone, those that may kill workers."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from heapq import heappop, heappush

from .faults import Verdict

__all__ = ["Agenda", "Sending"]


@dataclass(frozen=True, slots=True)
class Sending:
    """A block that is to be sent.

    Parameters
    ----------
    index : int
    is_alone : bool
        No other block may be out until it is back.
    """

    index: int
    is_alone: bool = False


class Agenda:
    """The blocks of a run that are not out.

    Parameters
    ----------
    blocks : iterable of int
        Fresh blocks, in the order in which they are sent.

    Examples
    --------
    >>> agenda = Agenda([4, 5, 6])
    >>> agenda.take(2, now_s=0.0, is_idle=True)
    [[Sending(index=4, is_alone=False)], [Sending(index=5, is_alone=False)]]
    >>> agenda.put_back(4, Verdict("again"), now_s=0.0)
    >>> [sending.index for sending, in agenda.take(2, now_s=0.0, is_idle=False)]
    [4, 6]
    """

    __slots__ = ("_delayed", "_fresh", "_ready", "_suspects")

    def __init__(self, blocks: Iterable[int]) -> None:
        self._fresh = deque(blocks)
        self._ready: deque[int] = deque()
        self._delayed: list[tuple[float, int, bool]] = []
        self._suspects: deque[int] = deque()

    @property
    def is_empty(self) -> bool:
        """Whether no block is left to send."""
        return not (self._fresh or self._ready or self._delayed or self._suspects)

    @property
    def n_fresh(self) -> int:
        """Number of blocks that were never sent."""
        return len(self._fresh)

    def put_back(self, index: int, verdict: Verdict, *, now_s: float) -> None:
        """Take a block that is to run again."""
        is_alone = verdict.action == "alone"
        if verdict.delay_s > 0:
            heappush(self._delayed, (now_s + verdict.delay_s, index, is_alone))
        else:
            (self._suspects if is_alone else self._ready).append(index)

    def due_in_s(self, now_s: float) -> float | None:
        """Return the seconds until a block's back-off is over; None if none waits for that."""
        return max(self._delayed[0][0] - now_s, 0.0) if self._delayed else None

    def take(
        self, n_free: int, *, now_s: float, is_idle: bool, may_start: bool = True, size: int = 1
    ) -> list[list[Sending]]:
        """Take the blocks that are to be sent now, by tasks.

        Parameters
        ----------
        n_free : int
            So many tasks at most.
        now_s : float
        is_idle : bool
            No block is out: only then one is sent alone.
        may_start : bool
            False holds fresh blocks back unless nothing else could be sent.
        size : int
            Fresh blocks of one task; those that run again are tasks by themselves.
        """
        self._wake(now_s)
        taken = [[index] for index in _pop(self._ready, n_free)]
        while may_start and self._fresh and len(taken) < n_free:
            taken.append(_pop(self._fresh, size))
        if not taken and is_idle:
            if self._suspects:
                return [[Sending(self._suspects.popleft(), is_alone=True)]]
            if not self._delayed and self._fresh:
                return [[Sending(self._fresh.popleft(), is_alone=True)]]
        return [[Sending(index) for index in indices] for indices in taken]

    def _wake(self, now_s: float) -> None:
        while self._delayed and self._delayed[0][0] <= now_s:
            _, index, is_alone = heappop(self._delayed)
            (self._suspects if is_alone else self._ready).append(index)


def _pop(blocks: deque[int], most: int) -> list[int]:
    return [blocks.popleft() for _ in range(min(most, len(blocks)))]
