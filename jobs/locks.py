"""The end of a lock of ``flock``, which belongs to an open file and not to a process."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress

__all__ = ["unlock_and_close"]


def unlock_and_close(descriptor: int) -> None:
    """Free the lock of an open file, and close the descriptor.

    Not by closing alone: the lock lasts until the last copy of the descriptor is closed, and a child that another
    thread starts right now has one, from its fork to its exec.

    >>> import tempfile
    >>> first, path = tempfile.mkstemp()
    >>> fcntl.flock(first, fcntl.LOCK_EX)
    >>> copy = os.dup(first)
    >>> unlock_and_close(first)
    >>> second = os.open(path, os.O_RDWR)
    >>> fcntl.flock(second, fcntl.LOCK_EX | fcntl.LOCK_NB)
    >>> os.close(copy)
    >>> unlock_and_close(second)
    """
    # a file system without locks has nothing to free
    with suppress(OSError):
        fcntl.flock(descriptor, fcntl.LOCK_UN)
    os.close(descriptor)
