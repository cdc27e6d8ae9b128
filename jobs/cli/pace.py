"""How fast a job goes and what it spends its time on, in the words of a progress line."""

from __future__ import annotations

from collections.abc import Callable

from ..durations import format_seconds
from ..report import STAGE_WORDS
from ..runner import Progress
from ..sizes import format_bytes

__all__ = ["Pace", "StageShare", "fault_facts", "slowest_stage", "stage_shares"]

StageShare = tuple[str, float, str]
"""What a stage is called, its share of the busy seconds from 0 to 1, and its seconds and rate as text."""


_LEAST_S = 1.0
"""A rate over less says more about the moment than about the job: small steps come after one another at once."""
_LEAST_SHARE = 0.005
"""Stages that take less are not shown: copies to a device that is the CPU."""


class Pace:
    """How fast blocks come since the first one: what came before it, the start of workers, says nothing about them.

    Parameters
    ----------
    clock : callable
        Returns seconds, monotonic.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._first: Progress | None = None
        self._first_s = 0.0

    def describe(self, progress: Progress) -> str:
        """Return blocks, bytes and, a second after the first block, rate and time left."""
        now = self._clock()
        if self._first is None:
            self._first, self._first_s = progress, now
        seconds = now - self._first_s
        done, n_blocks = progress.done_blocks, progress.n_blocks
        facts = [f"{done} of {n_blocks} blocks ({100 * done // n_blocks} %)", format_bytes(progress.done_bytes)]
        n_since = done - self._first.done_blocks
        if n_since > 0 and seconds >= _LEAST_S:
            facts.append(f"{format_bytes((progress.done_bytes - self._first.done_bytes) / seconds)}/s")
            if done < n_blocks:
                facts.append(f"{format_seconds(seconds * (n_blocks - done) / n_since)} left")
        return ", ".join(facts)


def stage_shares(progress: Progress) -> list[StageShare]:
    """Return the stages that took any time, in the order in which a block passes through them.

    Examples
    --------
    >>> stage_shares(Progress(4, 8, 10**9, 10**9, 0, {"compute": 1.0, "read": 3.0}))
    [('reading', 0.75, '3.0 s, 333 MB/s'), ('computing', 0.25, '1.0 s')]
    """
    total_s = sum(progress.seconds.values())
    moved = {"read": progress.bytes_read, "write": progress.bytes_written}
    found = []
    for step, words in STAGE_WORDS.items():
        busy_s = progress.seconds.get(step, 0.0)
        if busy_s > _LEAST_SHARE * total_s:
            rate = f", {format_bytes(moved[step] / busy_s)}/s" if moved.get(step) else ""
            found.append((words, busy_s / total_s, format_seconds(busy_s) + rate))
    return found


def slowest_stage(progress: Progress) -> str:
    """Return the stage that takes most, in words; "" before anything was measured.

    >>> slowest_stage(Progress(4, 8, 10**9, 10**9, 0, {"compute": 1.0, "read": 3.0}))
    '75 % of it reading'
    """
    shares = stage_shares(progress)
    if not shares:
        return ""
    words, share, _ = max(shares, key=lambda stage: stage[1])
    return f"{100 * share:.0f} % of it {words}"


def fault_facts(progress: Progress) -> str:
    """Return what went wrong so far; "" if nothing did.

    >>> fault_facts(Progress(4, 8, 0, retries=1, deaths=2))
    '1 retry, 2 workers died'
    """
    said = [
        (progress.retries, "retry", "retries"),
        (progress.splits, "block split", "blocks split"),
        (progress.timeouts, "timeout", "timeouts"),
        (progress.deaths, "worker died", "workers died"),
        (progress.holes, "block skipped", "blocks skipped"),
    ]
    return ", ".join(f"{n} {one if n == 1 else many}" for n, one, many in said if n)
