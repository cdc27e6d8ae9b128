"""Ends a job on request, whatever state it is in, and leaves it so that it can be resumed."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress

from ...errors import JobRunningError
from ...store import (
    JobFolder,
    JobLock,
    JobState,
    cancelling,
    has_open,
    holder_of,
    lock_holder,
    read_settled,
    read_state,
    write_file,
    write_state,
)
from .conclusion import cancelled, end_state

__all__ = ["cancel_job"]

_POLITE_S, _FORCED_S, _POLL_S = 30.0, 10.0, 0.05


def cancel_job(folder: JobFolder) -> JobState:
    """End a job and return its last state; a job that has ended already is left as it is.

    The process that drives it is asked to leave at once, and killed if it does not within 30 s; its workers die with
    it. Blocks that were done stay done.

    Raises
    ------
    JobRunningError
        If the process cannot be ended: it runs on another machine, belongs to somebody else, or hangs in the kernel.
    """
    state = read_state(folder)
    if state.status in ("DONE", "CANCELLED"):
        return state
    _check_machine(folder)
    with cancelling(folder):
        write_file(folder.cancel, b"")
        for signum, seconds in ((signal.SIGTERM, _POLITE_S), (signal.SIGKILL, _FORCED_S)):
            if _end_holder(folder, signum, seconds):
                return _settle(folder)
    raise JobRunningError(
        f"job {folder.id} does not end",
        cause=f"process {holder_of(folder)} holds it, SIGKILL or not",
        safe="what it has done is kept",
        next="look at that process; it may wait for a dead file system",
    )


def _check_machine(folder: JobFolder) -> None:
    holder, here = lock_holder(folder), os.uname().nodename
    if holder is not None and holder.host != here:
        raise JobRunningError(
            f"job {folder.id} runs on {holder.host}",
            cause=f"this is {here}, and a process can be ended only on its own machine",
            safe="nothing was touched",
            next=f"arraymill cancel {folder.id}, on {holder.host}",
        )


def _end_holder(folder: JobFolder, signum: signal.Signals, seconds: float) -> bool:
    """Signal the process that holds a job, and return whether nobody holds it in the end."""
    deadline, asked = time.monotonic() + seconds, 0
    while (pid := holder_of(folder)) is not None:
        # once per process: the submitter hands the lock to the driver
        if pid != asked and _signal_holder(folder, pid, signum):
            asked = pid
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_S)
    return True


def _signal_holder(folder: JobFolder, pid: int, signum: signal.Signals) -> bool:
    """Signal a process if it is the one that holds the job; its number cannot pass to another while it is looked at."""
    with suppress(ProcessLookupError, PermissionError):
        process = os.pidfd_open(pid)
        try:
            if holder_of(folder) == pid and has_open(folder, pid):
                signal.pidfd_send_signal(process, signum)
                return True
        finally:
            os.close(process)
    return False


def _settle(folder: JobFolder) -> JobState:
    """Write the state for a driver that could not: it was killed, or had not begun."""
    with JobLock.acquire(folder):
        state = read_state(folder)
        if state.status not in ("DONE", "CANCELLED"):
            settled = read_settled(folder)
            error = cancelled(folder, settled, f"arraymill resume {folder.id}")
            state = end_state(state, "CANCELLED", settled, error)
            write_state(folder, state)
    return state
