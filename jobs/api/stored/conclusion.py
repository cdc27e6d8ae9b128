"""How a job ended: the state and the receipt that are left for others to read, and the error that is shown."""

from __future__ import annotations

import json
import signal
import time
from contextlib import suppress
from dataclasses import replace
from typing import Any

from arraymill.cluster.errors import ClusterError, ClusterLostError

from ...errors import CancelledJobError, DiskFullError, InterruptedJobError, JobError, SkippedBlocksError
from ...report import report_of, to_json
from ...store import JobFolder, JobState, Settled, read_settled, read_state, write_file, write_state
from ..signals import Stopped

__all__ = ["cancelled", "conclude", "conclude_done", "end_state"]

_EXIT_SIGINT, _EXIT_BUG = 130, 70


def conclude(folder: JobFolder, error: BaseException, signum: int | None, *, is_kept: bool = True) -> BaseException:
    """Write the state of a job that did not finish, and return the error to raise.

    Parameters
    ----------
    folder : JobFolder
        Its lock is held.
    error : BaseException
        What ended it.
    signum : int or None
        The signal that arrived first.
    is_kept : bool
        The job can be resumed even if it has not begun.
    """
    settled = read_settled(folder)
    resume = f"arraymill resume {folder.id}" if is_kept or settled.plan is not None else ""
    if isinstance(error, DiskFullError) and settled.output is not None:
        # the job has begun, and goes on where it is once there is room
        error = InterruptedJobError(error.what, cause=error.cause, next=f"make room; then {resume}")
    shown = _shown(folder, error, signum, settled, resume)
    write_state(folder, end_state(read_state(folder), _status(shown), settled, shown))
    return shown


def conclude_done(folder: JobFolder, state: JobState) -> SkippedBlocksError | None:
    """Write the state and the receipt of a job whose output is published; return what to say of skipped blocks."""
    settled = read_settled(folder)
    skipped = _skipped(folder, settled)
    ended = end_state(state, "DONE", settled, skipped)
    write_state(folder, ended)
    # `arraymill report` works it out anew where it is missing: no reason to call a job that is done anything else
    with suppress(JobError):
        assert settled.plan is not None
        report = report_of(ended, settled, settled.plan)
        write_file(folder.report, json.dumps(to_json(report), indent=2).encode())
    return skipped


def cancelled(folder: JobFolder, settled: Settled, resume: str) -> CancelledJobError:
    """Return the error of a cancelled job, with the command that resumes it."""
    return CancelledJobError(f"job {folder.id} was cancelled", safe=_kept(settled), next=resume)


def end_state(state: JobState, status: str, settled: Settled, error: BaseException | None = None) -> JobState:
    """Return the state of a job that has ended."""
    return replace(
        state,
        status=status,
        ended_s=time.time(),
        pid=None,
        reason="",
        n_done=len(settled.done),
        n_blocks=settled.n_blocks,
        retries=settled.n_retries,
        splits=settled.n_splits,
        deaths=settled.n_deaths,
        exit_code=0 if error is None else getattr(error, "exit_code", _EXIT_BUG),
        error=None if error is None else _error_record(error),
    )


def _status(error: BaseException) -> str:
    if isinstance(error, CancelledJobError):
        return "CANCELLED"
    return "INTERRUPTED" if isinstance(error, InterruptedJobError) else "FAILED"


def _kept(settled: Settled) -> str:
    n_blocks = settled.n_blocks
    return f"{len(settled.done)} of {n_blocks} blocks are done and kept" if n_blocks else "nothing was computed yet"


def _shown(
    folder: JobFolder, error: BaseException, signum: int | None, settled: Settled, resume: str
) -> BaseException:
    kept = _kept(settled)
    if folder.cancel.exists() and isinstance(error, KeyboardInterrupt | InterruptedJobError):
        return cancelled(folder, settled, resume)
    if isinstance(error, KeyboardInterrupt) or (isinstance(error, InterruptedJobError) and signum is not None):
        number = error.signum if isinstance(error, Stopped) else signum or signal.SIGINT
        return _stopped(folder, number, safe=kept, next=resume)
    if isinstance(error, ClusterLostError):
        return InterruptedJobError(error.what, cause=error.cause, safe=kept, next=resume)
    if isinstance(error, JobError | ClusterError):
        error.safe = "; ".join(filter(None, [error.safe, kept if settled.done else ""])) or kept
        if settled.done and resume not in error.next:
            error.next = f"{error.next}; then {resume}" if error.next else resume
    return error


def _stopped(folder: JobFolder, signum: int, *, safe: str, next: str) -> InterruptedJobError:
    by = "Ctrl-C" if signum == signal.SIGINT else signal.Signals(signum).name
    shown = InterruptedJobError(f"job {folder.id} was stopped by {by}", safe=safe, next=next)
    if signum == signal.SIGINT:
        # what shells expect of a command that Ctrl-C ended
        shown.exit_code = _EXIT_SIGINT
    return shown


def _error_record(error: BaseException) -> dict[str, Any]:
    """Return an error as a document, with the four lines that a user is shown."""
    if isinstance(error, JobError | ClusterError):
        return {"id": error.id, "what": error.what, "cause": error.cause, "safe": error.safe, "next": error.next}
    return {"id": "bug", "what": f"{type(error).__name__}: {error}", "cause": "", "safe": "", "next": ""}


def _skipped(folder: JobFolder, settled: Settled) -> SkippedBlocksError | None:
    holes = sorted(settled.holes)
    if not holes:
        return None
    listed = ", ".join(map(str, holes[:10])) + (" ..." if len(holes) > 10 else "")
    return SkippedBlocksError(
        f"{len(holes)} of {settled.n_blocks} blocks failed and were skipped: {listed}",
        cause="on_error is skip: their place in the output holds NaN, or 0 where there is none",
        safe="the other blocks are done, and the output is published",
        next=f"arraymill explain {folder.id} says why",
    )
