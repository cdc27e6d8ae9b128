"""How many short blocks are sent in one task: sending a task costs milliseconds, whatever is in it."""

from __future__ import annotations

from bisect import insort

from ..blocks import ceil_div
from ..engine import BlockResult

__all__ = ["Batching"]

MOST_S = 0.1
"""Predicted seconds of a task at most: then a job stops soon, loses little, and shares its blocks out evenly."""
LEAST_S = 0.01
"""Tasks shorter than this are not made smaller still to share the last blocks out evenly."""
_MOST_BLOCKS = 256
_MOST_BYTES = 1 << 20
"""Of partials in one result: large ones travel as soon as they are there."""
_BLOCK_S = 0.0005
"""What a block costs a worker beside its own seconds."""
_MOST_KEPT = 100


class Batching:
    """The number of blocks of one task, learnt from blocks that are done.

    It never touches what a block is, so that no bit of a result depends on it.

    Parameters
    ----------
    is_on : bool
        False sends every block by itself.

    Examples
    --------
    >>> Batching(is_on=True).size(1000, n_workers=4)
    1
    """

    __slots__ = ("_is_on", "_partial_bytes", "_seconds")

    def __init__(self, *, is_on: bool) -> None:
        self._is_on = is_on
        self._seconds: list[float] = []
        self._partial_bytes = 0

    @property
    def is_learning(self) -> bool:
        """Whether blocks may travel together as soon as one is done."""
        return self._is_on and not self._seconds

    def learn(self, result: BlockResult) -> None:
        """Take the seconds of a block that is done, and the size of its partial."""
        if len(self._seconds) < _MOST_KEPT:
            insort(self._seconds, result.record.wall_s)
        arrays = result.partial if result.partial is not None else ()
        self._partial_bytes = max(self._partial_bytes, sum(array.nbytes for array in arrays))

    def size(self, n_fresh: int, *, n_workers: int) -> int:
        """Return how many blocks one task holds.

        Parameters
        ----------
        n_fresh : int
            Blocks that were never sent.
        n_workers : int
            The last blocks are shared out among them, in tasks of at least `LEAST_S`.
        """
        if not (self._is_on and self._seconds):
            return 1
        block_s = _BLOCK_S + self._seconds[len(self._seconds) // 2]
        even = max(ceil_div(n_fresh, n_workers), int(LEAST_S / block_s))
        fitting = _MOST_BYTES // self._partial_bytes if self._partial_bytes else _MOST_BLOCKS
        return max(min(int(MOST_S / block_s), even, fitting, _MOST_BLOCKS), 1)
