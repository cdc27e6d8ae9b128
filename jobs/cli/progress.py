"""Progress on stderr: bars of the job and its stages on a terminal, else a line every 10 % or 30 s, not in crowds."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TypeAlias

from ..runner import Progress
from .pace import Pace, fault_facts, slowest_stage, stage_shares
from .terminal import echo_note, escape, is_quiet, wants_color

__all__ = ["Display", "OnProgress", "progress_lines", "show_progress"]

OnProgress: TypeAlias = Callable[[Progress], None]
"""Called by the runner after each block."""

_STEPS = 10
_SILENCE_S = 30.0
_CROWD_S = 1.0
"""Lines do not come faster than this: a short job needs none."""


@dataclass(frozen=True, slots=True)
class Display:
    """What shows a job on stderr.

    Parameters
    ----------
    on_progress : callable
        Takes how far the job is.
    begin : callable
        Shows that the job goes on before there is any progress; what is over in a moment needs it not.
    """

    on_progress: OnProgress
    begin: Callable[[], None] = lambda: None


@contextmanager
def show_progress(title: str) -> Iterator[Display]:
    """Yield what shows how far a job is."""
    if is_quiet():
        yield Display(lambda progress: None)
    elif sys.stderr.isatty():
        with ExitStack() as stack:
            yield _bar_in_time(escape(title), stack, time.monotonic)
    else:
        yield Display(progress_lines(escape(title), echo_note, time.monotonic))


def _bar_in_time(title: str, stack: ExitStack, clock: Callable[[], float]) -> Display:
    """Return a bar that is drawn once a job is known, or turns out, to take its time: it flickers before no error."""
    bars, start_s = list[OnProgress](), clock()

    def begin() -> None:
        if not bars:
            bars.append(stack.enter_context(_bar(title)))

    def on_progress(progress: Progress) -> None:
        if clock() - start_s >= _CROWD_S:
            begin()
        for bar in bars:
            bar(progress)

    return Display(on_progress, begin)


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
    ...     on_progress(Progress(done, 40, done * 10**9, seconds={"read": 3.0 * done, "compute": 1.0 * done}))
    sum: 4 of 40 blocks (10 %), 4.00 GB, 1.50 GB/s, 24.0 s left, 75 % of it reading
    sum: 8 of 40 blocks (20 %), 8.00 GB, 1.75 GB/s, 18.3 s left, 75 % of it reading
    """
    pace, last_time, last_step = Pace(clock), clock(), 0

    def on_progress(progress: Progress) -> None:
        nonlocal last_step, last_time
        facts, now = pace.describe(progress), clock()
        step = progress.done_blocks * _STEPS // progress.n_blocks
        if now - last_time < (_CROWD_S if step > last_step else _SILENCE_S):
            return
        last_step, last_time = step, now
        said = (facts, slowest_stage(progress), fault_facts(progress))
        write(f"{title}: {', '.join(filter(None, said))}")

    return on_progress


@contextmanager
def _bar(title: str) -> Iterator[OnProgress]:
    # Imported here: a pipe or a --help page needs none of it.
    from rich.console import Console
    from rich.progress import BarColumn, TaskID, TextColumn
    from rich.progress import Progress as Bar
    from rich.table import Column

    pace = Pace(time.monotonic)
    console = Console(stderr=True, no_color=not wants_color(sys.stderr))
    # no markup: a job may be called [bold]
    facts = TextColumn("{task.fields[facts]}", markup=False, table_column=Column(no_wrap=True, overflow="ellipsis"))
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), facts)
    stages: dict[str, TaskID] = {}
    with Bar(*columns, console=console, transient=True) as bar:
        whole = bar.add_task(title, total=None, facts="starting")

        def on_progress(progress: Progress) -> None:
            said = ", ".join(filter(None, (pace.describe(progress), fault_facts(progress))))
            bar.update(whole, total=progress.n_blocks, completed=progress.done_blocks, facts=said)
            for words, share, text in stage_shares(progress):
                if words not in stages:
                    stages[words] = bar.add_task(f"  {words}", total=1.0, facts="")
                bar.update(stages[words], completed=share, facts=f"{100 * share:>3.0f} %  {text}")

        yield on_progress
