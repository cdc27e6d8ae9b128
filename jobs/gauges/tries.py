"""How a rate is measured: short tries in a slice of time, of which the best counts, since disturbance only slows."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

__all__ = ["Slices", "best_of", "best_rate", "crew"]

_SHORTEST_S = 1e-7
"""What a clock can tell apart; a try that seems to take less says nothing."""


@dataclass(slots=True)
class Slices:
    """Deals out the time that all gauges have together.

    Parameters
    ----------
    total_s : float
    clock : callable
        Seconds, from any beginning.

    Examples
    --------
    >>> ticks = iter([0.0, 0.4, 1.2])
    >>> slices = Slices(1.0, clock=lambda: next(ticks))
    >>> slices.next_s(0.1), slices.next_s(0.1)
    (0.1, 0.0)
    """

    total_s: float
    clock: Callable[[], float] = time.perf_counter
    began_s: float = field(init=False)

    def __post_init__(self) -> None:
        self.began_s = self.clock()

    def spent_s(self) -> float:
        """Return the seconds since the beginning."""
        return self.clock() - self.began_s

    def next_s(self, wanted_s: float) -> float:
        """Return the slice of the next gauge: what it wants or what is left, 0 if nothing is."""
        return max(min(wanted_s, self.total_s - self.spent_s()), 0.0)


def best_of(
    rate_of_try: Callable[[], float],
    slice_s: float,
    *,
    n_least: int = 1,
    clock: Callable[[], float] = time.perf_counter,
) -> float:
    """Return the highest rate of several tries.

    Parameters
    ----------
    rate_of_try : callable
        Tries once, and returns the rate.
    slice_s : float
        No try begins after so many seconds, but for the first few.
    n_least : int
    clock : callable

    Examples
    --------
    >>> rates = iter([2.0, 5.0, 3.0])
    >>> best_of(lambda: next(rates), 0.0, n_least=3)
    5.0
    """
    best, n_tries, end_s = 0.0, 0, clock() + slice_s
    while n_tries < n_least or clock() < end_s:
        best, n_tries = max(best, rate_of_try()), n_tries + 1
    return best


def best_rate(
    work: Callable[[], float],
    slice_s: float,
    *,
    prepare: Callable[[], object] = lambda: None,
    clock: Callable[[], float] = time.perf_counter,
) -> float:
    """Return the highest amount per second of several tries.

    Parameters
    ----------
    work : callable
        Does something, and returns how much that was.
    slice_s : float
    prepare : callable
        Called before each try, outside its time.
    clock : callable

    Examples
    --------
    >>> ticks = iter([0.0, 0.0, 2.0, 2.0, 2.0, 3.0, 4.0])
    >>> best_rate(lambda: 8.0, 3.5, clock=lambda: next(ticks))
    8.0
    """

    def rate_of_try() -> float:
        prepare()
        began_s = clock()
        amount = work()
        return amount / max(clock() - began_s, _SHORTEST_S)

    return best_of(rate_of_try, slice_s, clock=clock)


@contextmanager
def crew(n_threads: int) -> Iterator[Callable[[Callable[[int], float]], float]]:
    """Yield a function that lets so many threads do something side by side and returns the sum of what they did.

    >>> with crew(3) as together:
    ...     together(float)
    3.0
    """
    with ThreadPoolExecutor(n_threads, thread_name_prefix="arraymill-gauge") as pool:
        yield lambda work: _sum(pool, work, n_threads)


def _sum(pool: Executor, work: Callable[[int], float], n_threads: int) -> float:
    return sum(pool.map(work, range(n_threads)))
