"""Kills child processes, and never a process that only has the number of one."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterable

import psutil

__all__ = ["kill_child", "kill_children"]


def kill_child(pid: int) -> bool:
    """Kill a process with SIGKILL, and return whether it was a living child of ours; others are left alone."""
    child = _find_child(pid)
    if child is None:
        return False
    with contextlib.suppress(psutil.Error):
        child.kill()
    return True


def kill_children(pids: Iterable[int], *, timeout_s: float = 5.0) -> None:
    """Kill processes with SIGKILL and wait until they are gone; those that are not our children are left alone.

    Parameters
    ----------
    pids : iterable of int
        Numbers may have been given to other processes since; hence the check.
    timeout_s : float
        How long to wait: a process in an uninterruptible read ends later.
    """
    children = [child for pid in set(pids) if (child := _find_child(pid)) is not None]
    for child in children:
        with contextlib.suppress(psutil.Error):
            child.kill()
    deadline = time.monotonic() + timeout_s
    while any(map(_is_alive, children)) and time.monotonic() < deadline:
        time.sleep(0.01)


def _find_child(pid: int) -> psutil.Process | None:
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(pid)
        if process.ppid() == os.getpid() and _is_alive(process):
            return process
    return None


def _is_alive(process: psutil.Process) -> bool:
    # Not psutil's own wait: it would take the exit status from Dask, which waits for it too.
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
