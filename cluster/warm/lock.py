"""The lock beside the home file, which tells a live warm cluster from one that was killed.

A record lock of POSIX: the kernel drops it with its process and tells who holds it, and who only asks does not take it.
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import ClusterBusyError

__all__ = ["busy_error", "hold_home", "holder_of"]

# struct flock of 64-bit Linux: l_type, l_whence, l_start, l_len, l_pid.
_FLOCK = "hhqqi"


@contextmanager
def hold_home(home_file: Path) -> Iterator[None]:
    """Hold the lock of a home file until the end of the block, or of this process in whatever way.

    Raises
    ------
    ClusterBusyError
        If another process holds it.

    Notes
    -----
    Until then this process must not ask `holder_of`: closing any descriptor of the file would free the lock.
    """
    descriptor = os.open(_lock_file(home_file), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        _lock(descriptor)
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
        return _ask(descriptor)
    finally:
        os.close(descriptor)


def busy_error(pid: int | None) -> ClusterBusyError:
    """Return the error for a second start.

    >>> print(busy_error(4242).what)
    a warm cluster runs already (pid 4242)
    """
    return ClusterBusyError(
        f"a warm cluster runs already (pid {pid})",
        cause="there is one per user",
        safe="it was left as it is",
        next="use it, or stop it with `arraymill cluster stop`",
    )


def _lock(descriptor: int) -> None:
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EAGAIN):
            raise
        raise busy_error(_ask(descriptor)) from None


def _ask(descriptor: int) -> int | None:
    wanted = struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
    kind, _, _, _, pid = struct.unpack(_FLOCK, fcntl.fcntl(descriptor, fcntl.F_GETLK, wanted))
    return None if kind == fcntl.F_UNLCK else int(pid)


def _lock_file(home_file: Path) -> Path:
    return home_file.with_name(f"{home_file.name}.lock")
