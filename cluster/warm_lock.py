"""The lock beside the home file, which tells a live warm cluster from one that was killed."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import ClusterBusyError

__all__ = ["busy_error", "hold_home", "holder_of"]

_PRIVATE = 0o600
# A reader takes the lock for a moment to see whether it is free.
_LOCK_S = 2.0


@contextmanager
def hold_home(home_file: Path) -> Iterator[None]:
    """Hold the lock of a home file until the end of the block, or of this process in whatever way.

    Raises
    ------
    ClusterBusyError
        If another process holds it.
    """
    descriptor = os.open(_lock_file(home_file), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, _PRIVATE)
    try:
        _lock(descriptor, home_file)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def holder_of(home_file: Path) -> int | None:
    """Return the pid of the server that lives, or None."""
    try:
        descriptor = os.open(_lock_file(home_file), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        text = os.pread(descriptor, 32, 0).strip()
        return int(text) if text.isdigit() else 0
    finally:
        os.close(descriptor)
    return None


def _lock(descriptor: int, home_file: Path) -> None:
    deadline = time.monotonic() + _LOCK_S
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise busy_error(holder_of(home_file) or 0) from None
            time.sleep(0.01)


def busy_error(pid: int) -> ClusterBusyError:
    """Return the error for a second start."""
    return ClusterBusyError(
        f"a warm cluster runs already (pid {pid})",
        cause="there is one per user",
        safe="it was left as it is",
        next="use it, or stop it with `arraymill cluster stop`",
    )


def _lock_file(home_file: Path) -> Path:
    return home_file.with_name(f"{home_file.name}.lock")
