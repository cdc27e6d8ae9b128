"""Dask preload of our workers: a worker dies with its driver, shows where it crashed, and ignores Ctrl-C."""

from __future__ import annotations

import ctypes
import faulthandler
import logging
import multiprocessing
import os
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path

from .openssl import mend_tls

__all__ = ["dask_setup", "die_with_parent", "is_bound_to_parent", "log_environment", "redirect_output"]

_LOG_VARIABLE = "ARRAYMILL_WORKER_LOG"

_PR_SET_PDEATHSIG = 1
_PR_GET_PDEATHSIG = 2
# Files of the workers (scratch, spilled pieces) are nobody else's; outputs are created by the driver.
_PRIVATE = 0o077


def dask_setup(worker: object) -> None:
    """Prepare a worker's process; called by Dask once the worker has started."""
    die_with_parent()
    mend_tls()
    if log := os.environ.get(_LOG_VARIABLE):
        redirect_output(Path(log))
    if not faulthandler.is_enabled():
        faulthandler.enable()
    os.umask(_PRIVATE)
    # Its next preload complains at length of a GPU that fails; `prepare_process` says so in one line.
    logging.getLogger("dask_cuda").setLevel(logging.CRITICAL)
    # Ctrl-C reaches every process of the terminal's group; the driver decides what to do about it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def log_environment(path: Path) -> dict[str, str]:
    """Return the environment variables that make a worker print into a file.

    >>> log_environment(Path("/tmp/cpu0.log"))
    {'ARRAYMILL_WORKER_LOG': '/tmp/cpu0.log'}
    """
    return {_LOG_VARIABLE: str(path)}


def redirect_output(path: Path) -> None:
    """Let this process and its children print to the end of a file, which nobody else can read.

    Both streams are redirected below Python, so that what libraries print and the traceback of a crash arrive too.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
    log = os.open(path, flags, 0o600)
    for stream in (1, 2):
        os.dup2(log, stream)
    os.close(log)
    # To a file Python would write 8 KiB at a time, and a killed worker's last words would be lost.
    for text in (sys.stdout, sys.stderr):
        text.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # in a worker they are files
    print(f"-- pid {os.getpid()} starts, {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC")


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
