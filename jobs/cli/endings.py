"""How a job ended, as an exit code and as an error to show."""

from __future__ import annotations

from ..errors import JobRunningError
from ..store import JobFolder, JobState, is_locked, read_state
from .failures import Failure

__all__ = ["check_done", "exit_code_of", "failure_of", "state_if_over"]

_OVER = ("DONE", "FAILED", "CANCELLED")
_EXIT_FAILED, _EXIT_CANCELLED, _EXIT_INTERRUPTED = 1, 4, 75


def state_if_over(folder: JobFolder) -> JobState | None:
    """Return a job's last state, or None while somebody works on it.

    What comes after a final state, taking down the workers, is not waited for.
    """
    state = read_state(folder)
    if state.status in _OVER:
        return state
    if state.status != "INTERRUPTED" or is_locked(folder):
        return None
    # whoever held it until just now has written its last state before it let go
    return read_state(folder)


def exit_code_of(state: JobState) -> int:
    """Return the exit code for a job that is over; INTERRUPTED is 75, whatever signal it was.

    >>> exit_code_of(JobState(status="INTERRUPTED", created_s=0.0, exit_code=130))
    75
    """
    if state.status == "INTERRUPTED":
        return _EXIT_INTERRUPTED
    if state.status == "DONE":
        return state.exit_code or 0
    return state.exit_code or (_EXIT_CANCELLED if state.status == "CANCELLED" else _EXIT_FAILED)


def failure_of(folder: JobFolder, state: JobState) -> Failure | None:
    """Return what to show, and to leave with, for a job that is over; None if it succeeded."""
    code = exit_code_of(state)
    if code == 0:
        return None
    error = state.error or {}
    kept = f"{state.n_done} of {state.n_blocks} blocks are done and kept" if state.n_blocks else ""
    what = error.get("what") or state.reason or _WORDS[state.status]
    return Failure(
        code,
        error.get("id") or state.status.lower(),
        what if folder.id in what else f"job {folder.id}: {what}",
        cause=error.get("cause") or "",
        safe=error.get("safe") or kept,
        next=error.get("next") or f"arraymill resume {folder.id}",
    )


def check_done(folder: JobFolder) -> None:
    """Return if a job has succeeded.

    Raises
    ------
    JobRunningError
        If it has not ended.
    Failure
        If it ended in another way; skipped blocks are no reason.
    """
    state = state_if_over(folder)
    if state is None:
        now = read_state(folder)
        raise JobRunningError(
            f"job {folder.id} has no result yet",
            cause=f"it is {now.status}, with {now.n_done} of {now.n_blocks} blocks done",
            next=f"arraymill wait {folder.id}",
        )
    if state.status != "DONE" and (failure := failure_of(folder, state)) is not None:
        raise failure


_WORDS = {
    "DONE": "finished with skipped blocks",
    "FAILED": "it failed",
    "CANCELLED": "it was cancelled",
    "INTERRUPTED": "no process works on it any more",
}
