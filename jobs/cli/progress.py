"""Progress on stderr: a bar on a terminal, else a line every 10 % or 30 s, a second apart at least."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

from ..durations import format_seconds
from ..runner import Progress
from ..sizes import format_bytes
from .terminal import echo_note, is_quiet, wants_color

__all__ = ["OnProgress", "progress_lines", "show_progress"]

OnProgress: TypeAlias = Callable[[Progress], None]
"""Called by the runner after each block."""

_STEPS = 10
_SILENCE_S = 30.0
_CROWD_S = 1.0
"""Lines do not come faster than this: a short job needs none."""


@contextmanager
def show_progress(title: str) -> Iterator[OnProgress]:
    """Yield a callback that shows how far a job is."""
    if is_quiet():
        yield lambda progress: None
    elif sys.stderr.isatty():
        with _bar(title) as on_progress:
            yield on_progress
    else:
        yield progress_lines(title, echo_note, time.monotonic)


def progress_lines(title: str, write: Callable[[str], None], clock: Callable[[], float]) -> OnProgress:
    """Return a callback that writes a line at every tenth of the blocks, and when 30 s went by without one.

    Parameters
    ----------
    title : str
        How the job is called.
    write : callable
        Takes each line.
    clock : callable
        Returns seconds, monotonic.

    Examples
    --------
    >>> seconds = iter(range(100))
    >>> on_progress = progress_lines("sum", print, lambda: next(seconds))
    >>> for done in (1, 4, 8, 9):
    ...     on_progress(Progress(done, 40, done * 10**9))
    sum: 4 of 40 blocks (10 %), 4.00 GB, 1.50 GB/s, 24.0 s left
    sum: 8 of 40 blocks (20 %), 8.00 GB, 1.75 GB/s, 18.3 s left
    """
    pace, last_time, last_step = _Pace(clock), clock(), 0

    def on_progress(progress: Progress) -> None:
        nonlocal last_step, last_time
        facts, now = pace.describe(progress), clock()
        step = progress.done_blocks * _STEPS // progress.n_blocks
        if now - last_time < (_CROWD_S if step > last_step else _SILENCE_S):
            return
        last_step, last_time = step, now
        write(f"{title}: {facts}")

    return on_progress


class _Pace:
    """How fast blocks come since the first one: what came before it, the start of workers, says nothing about them."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._first: Progress | None = None
        self._first_s = 0.0

    def describe(self, progress: Progress) -> str:
        """Return blocks, bytes and, from the second block on, rate and time left."""
        now = self._clock()
        if self._first is None:
            self._first, self._first_s = progress, now
        seconds = max(now - self._first_s, 1e-9)
        done, n_blocks = progress.done_blocks, progress.n_blocks
        facts = [f"{done} of {n_blocks} blocks ({100 * done // n_blocks} %)", format_bytes(progress.done_bytes)]
        n_since = done - self._first.done_blocks
        if n_since > 0:
            facts.append(f"{format_bytes((progress.done_bytes - self._first.done_bytes) / seconds)}/s")
            facts.append(f"{format_seconds(seconds * (n_blocks - done) / n_since)} left")
        return ", ".join(facts)


@contextmanager
def _bar(title: str) -> Iterator[OnProgress]:
    # Imported here: a pipe or a --help page needs none of it.
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as Bar

    pace = _Pace(time.monotonic)
    console = Console(stderr=True, no_color=not wants_color(sys.stderr))
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[facts]}"))
    with Bar(*columns, console=console, transient=True) as bar:
        task = bar.add_task(title, total=None, facts="starting")

        def on_progress(progress: Progress) -> None:
            facts = pace.describe(progress)
            bar.update(task, total=progress.n_blocks, completed=progress.done_blocks, facts=facts)

        yield on_progress
