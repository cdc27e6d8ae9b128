"""How long something went on, from the intervals in which each part of it did."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["covered_s"]


def covered_s(intervals: Iterable[tuple[float, float]]) -> float:
    """Return the seconds that lie in at least one interval.

    Parameters
    ----------
    intervals : iterable of (float, float)
        Start and end, in seconds.

    Examples
    --------
    >>> covered_s([(0, 2), (5, 6), (1, 3)])
    4.0
    """
    total, end = 0.0, float("-inf")
    for start, stop in sorted(intervals):
        total += max(stop - max(start, end), 0.0)
        end = max(end, stop)
    return total
