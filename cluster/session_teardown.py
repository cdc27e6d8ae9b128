"""Ends what was started within a bounded time, whatever state it is in."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

import psutil

__all__ = ["finish_within", "kill_children"]


def finish_within(timeout_s: float, function: Callable[[], Any]) -> bool:
    """Run a function in a thread of its own and return whether it ended in time, with or without an error.

    >>> finish_within(60, list)
    True
    """
    finished = threading.Event()

    def run() -> None:
        try:
            # What is closed is given up anyway; what stays behind is killed by the caller.
            with contextlib.suppress(Exception):
                function()
        finally:
            finished.set()

    threading.Thread(target=run, name="arraymill-teardown", daemon=True).start()
    return finished.wait(timeout_s)


def kill_children(pids: Iterable[int], *, timeout_s: float = 5.0) -> None:
    """Kill processes with SIGKILL and wait until they are gone; those that are not our children are left alone.

    Parameters
    ----------
    pids : iterable of int
        Numbers may have been given to other processes since; hence the check.
    timeout_s : float
        How long to wait: a process in an uninterruptible read ends later.
    """
    children = []
    for pid in set(pids):
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(pid)
            if process.ppid() == os.getpid():
                process.kill()
                children.append(process)
    deadline = time.monotonic() + timeout_s
    while any(map(_is_alive, children)) and time.monotonic() < deadline:
        time.sleep(0.01)


def _is_alive(process: psutil.Process) -> bool:
    # Not psutil's own wait: it would take the exit status from Dask, which waits for it too.
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
