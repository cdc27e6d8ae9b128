"""How long a block may take, and which have taken longer."""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable

from ..engine import Running

__all__ = ["Deadlines"]

FIRST_S = 600.0
"""Before any block is done: the first one pays for imports, cold disks and the start of CUDA."""
SHORTEST_S = 60.0
TIMES_MEDIAN = 10.0
_MOST_KEPT = 1000


class Deadlines:
    """The limit of a block's seconds, learnt from those that are done.

    Parameters
    ----------
    timeout_s : float or None
        The limit, where the user gives one.

    Examples
    --------
    >>> deadlines = Deadlines(None)
    >>> deadlines.limit_s
    600.0
    >>> deadlines.learn(30.0)
    >>> deadlines.limit_s
    300.0
    """

    __slots__ = ("_seconds", "_timeout_s")

    def __init__(self, timeout_s: float | None) -> None:
        self._timeout_s = timeout_s
        self._seconds: list[float] = []

    def learn(self, wall_s: float) -> None:
        """Take the seconds of a block that is done; the first thousand are enough to know a median."""
        if len(self._seconds) < _MOST_KEPT:
            insort(self._seconds, wall_s)

    @property
    def limit_s(self) -> float:
        """Seconds that a block may take."""
        if self._timeout_s is not None:
            return self._timeout_s
        if not self._seconds:
            return FIRST_S
        return max(SHORTEST_S, TIMES_MEDIAN * self._seconds[len(self._seconds) // 2])

    @property
    def silence_s(self) -> float:
        """Seconds without any block running after which those that are out are lost."""
        return max(self.limit_s, SHORTEST_S)

    def overdue(self, board: Iterable[Running], now_s: float) -> list[Running]:
        """Return what has been running for too long."""
        return [running for running in board if now_s - running.started_s > self.limit_s]
