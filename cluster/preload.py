"""Dask preload of our workers: a worker dies with its driver, shows where it crashed, and ignores Ctrl-C."""

from __future__ import annotations

import ctypes
import faulthandler
import logging
import multiprocessing
import os
import signal

__all__ = ["dask_setup", "die_with_parent", "is_bound_to_parent"]

_PR_SET_PDEATHSIG = 1
_PR_GET_PDEATHSIG = 2
# Files of the workers (scratch, spilled pieces) are nobody else's; outputs are created by the driver.
_PRIVATE = 0o077


def dask_setup(worker: object) -> None:
    """Prepare a worker's process; called by Dask once the worker has started."""
    die_with_parent()
    if not faulthandler.is_enabled():
        faulthandler.enable()
    os.umask(_PRIVATE)
    # Its next preload complains at length of a GPU that fails; `prepare_process` says so in one line.
    logging.getLogger("dask_cuda").setLevel(logging.CRITICAL)
    # Ctrl-C reaches every process of the terminal's group; the driver decides what to do about it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def die_with_parent() -> None:
    """Ask the kernel to kill this process when the thread that started it ends.

    Dask notices a lost driver by a pipe, which took 12 s while a task held the interpreter's lock.
    """
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    parent = multiprocessing.parent_process()
    # The driver may have died before the line above: then this process has a new parent already.
    if parent is not None and parent.pid != os.getppid():
        os._exit(1)


def is_bound_to_parent() -> bool:
    """Return whether this process will be killed when its parent dies."""
    found = ctypes.c_int(0)
    _prctl(_PR_GET_PDEATHSIG, ctypes.byref(found))
    return found.value == signal.SIGKILL


def _prctl(option: int, argument: object) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, argument, 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
