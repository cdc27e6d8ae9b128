"""One run of a job's blocks, from what is done already to all that is left."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any, Protocol

from ..arrays.bus_guard import bus_guard
from ..engine import Work, clear_board
from .casualties import Casualties
from .context import RunContext
from .journal import Journal, NullJournal, SettledBlocks
from .loop import Loop, RunOutcome, RunSettings
from .merger import WriteResult
from .messages import Messages
from .policy import FaultPolicy
from .progress import Progress, Tally
from .stop import Stop

__all__ = ["run_work"]


class _Session(Protocol):
    @property
    def kind(self) -> Any: ...
    @property
    def n_workers(self) -> int: ...
    def submit(self, function: Callable[..., Any], /, *args: Any, key: str) -> Any: ...
    def wait(self, futures: Any, timeout_s: float | None) -> set[Any]: ...


def run_work(
    work: Work,
    session: _Session,
    *,
    job_id: str,
    write_result: WriteResult,
    on_progress: Callable[[Progress], object] = lambda progress: None,
    fault: FaultPolicy = FaultPolicy(),  # noqa: B008 - frozen
    order: Sequence[int] | None = None,
    journal: Journal | None = None,
    done: SettledBlocks | None = None,
    stop: Stop | None = None,
    first_block: int = 0,
    n_job_blocks: int | None = None,
    now: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], object] = time.sleep,
) -> RunOutcome:
    """Run every block of a stage that is not done yet.

    Parameters
    ----------
    work : Work
    session : Session
    job_id : str
        What messages call the job, and what the keys of its tasks begin with.
    write_result : callable
        ``write_result(region, block)`` for regions that are merged from several parts.
    on_progress : callable
        Called with a `Progress` after each commit.
    fault : FaultPolicy
    order : sequence of int, optional
        The order in which blocks are sent; block order when left out. The result does not depend on it.
    journal : Journal, optional
        Where receipts are kept. Without one nothing outlives this call, and the first block that fails ends it.
    done : SettledBlocks, optional
        What an earlier run has done, as the journal knows it.
    stop : Stop, optional
    first_block, n_job_blocks : int, optional
        Of a step of a job, how messages number its blocks: those of the steps before it come first.
    now, sleep : callable
        `time.monotonic` and `time.sleep`, or a test's.

    Raises
    ------
    BlockFailedError
        If a block failed on every attempt; with a journal, after all others are done.
    InterruptedJobError
        If `stop` said so, or no device is left (DeviceFaultError), or the journal is full (StoreFullError).
    CannotFitError
        If a block takes more memory than there is.
    JobError
        From a block, as it is; if too many workers died.
    """
    if work.board is not None:
        clear_board(work.board)
    context = RunContext(
        work,
        session,
        fault,
        journal or NullJournal(),
        journal is not None,
        Tally(work.stage.grid.n_blocks),
        Casualties(work.board),
        Messages(work, job_id, is_kept=journal is not None, first_block=first_block, n_blocks=n_job_blocks),
        now,
    )
    settings = RunSettings(f"{job_id}-{os.urandom(4).hex()}", write_result, on_progress, stop, sleep)
    loop = Loop(context, settings, range(work.stage.grid.n_blocks) if order is None else order, done)
    try:
        # worker processes may end and be replaced; this one may not
        with bus_guard() if session.kind == "inline" else nullcontext():
            return loop.to_the_end()
    finally:
        loop.close()
        if stop is not None and stop.is_leaving and (abandon := getattr(session, "abandon", None)) is not None:
            # threads of this process: nothing can end them but its end, which is to come at once
            abandon()
