"""What is done to a disk so that it outlives this process: one function per lasting effect.

Callers write ``disk.fsync(descriptor)``, never ``from .disk import fsync``: every lasting effect of a job passes
through this module, so that a test can count them and stop the process at any one of them.
"""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

__all__ = [
    "create",
    "exchange",
    "fdatasync",
    "fsync",
    "fsync_folder",
    "ftruncate",
    "link",
    "mkdir",
    "pwritev",
    "remove_tree",
    "rename",
    "rename_to_new",
    "reserve",
    "unlink",
    "write",
]

_Path: TypeAlias = str | os.PathLike[str]

_RENAME_NOREPLACE, _RENAME_EXCHANGE = 1, 2
"""From <linux/fs.h>."""

_AT_FDCWD = -100

_NO_FALLOCATE = frozenset({errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL})


def create(path: _Path, flags: int, mode: int) -> int:
    """Create a file and return its descriptor."""
    return os.open(path, flags | os.O_CREAT | os.O_CLOEXEC, mode)


def write(descriptor: int, text: bytes) -> None:
    """Write all of `text` at the file's position.

    Raises
    ------
    OSError
        ENOSPC if the disk is full; some of it may have been written.
    """
    rest = memoryview(text)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def pwritev(descriptor: int, buffers: Sequence[memoryview], offset: int) -> int:
    """Write buffers one after another from `offset` on, and return how many bytes were taken: maybe not all."""
    return os.pwritev(descriptor, buffers, offset)


def fsync(descriptor: int) -> None:
    """Make a file durable: its bytes and its size."""
    os.fsync(descriptor)


def fdatasync(descriptor: int) -> None:
    """Make a file's bytes durable."""
    os.fdatasync(descriptor)


def fsync_folder(path: _Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def ftruncate(descriptor: int, n_bytes: int) -> None:
    """Give a file a size."""
    os.ftruncate(descriptor, n_bytes)


def reserve(descriptor: int, n_bytes: int) -> None:
    """Give a file of at most that size a size, with blocks reserved on disk where the file system can.

    Raises
    ------
    OSError
        ENOSPC if they are not there.
    """
    # Not os.posix_fallocate: where the file system cannot, the C library writes a byte to every block instead.
    libc = ctypes.CDLL(None, use_errno=True)
    length = ctypes.c_int64(n_bytes)
    while libc.fallocate(descriptor, 0, ctypes.c_int64(0), length) != 0:
        number = ctypes.get_errno()
        if number in _NO_FALLOCATE:
            ftruncate(descriptor, n_bytes)
            return
        if number != errno.EINTR:
            raise OSError(number, os.strerror(number))


def rename(source: _Path, destination: _Path) -> None:
    """Give a file another name in one step; a file of that name is replaced."""
    Path(source).replace(destination)


def rename_to_new(source: _Path, destination: _Path) -> None:
    """Give a file or folder another name, in one step.

    Raises
    ------
    FileExistsError
        If the name is taken.
    OSError
        EINVAL or ENOSYS where the file system cannot.
    """
    _rename_with(source, destination, _RENAME_NOREPLACE)


def exchange(one: _Path, other: _Path) -> None:
    """Give each of two files or folders the name of the other, in one step.

    Raises
    ------
    OSError
        EINVAL or ENOSYS where the file system cannot.
    """
    _rename_with(one, other, _RENAME_EXCHANGE)


def _rename_with(source: _Path, destination: _Path, flag: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    call = getattr(libc, "renameat2", None)
    if call is None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    if call(_AT_FDCWD, os.fsencode(source), _AT_FDCWD, os.fsencode(destination), ctypes.c_uint(flag)) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), os.fspath(source), None, os.fspath(destination))


def remove_tree(path: _Path) -> None:
    """Remove a folder with all that is in it; nothing if it is not there."""
    if os.path.lexists(path):
        shutil.rmtree(path)


def link(source: _Path, destination: _Path) -> None:
    """Give a file a second name.

    Raises
    ------
    FileExistsError
        If the name is taken.
    """
    os.link(source, destination, follow_symlinks=False)


def unlink(path: _Path) -> None:
    """Remove a name."""
    Path(path).unlink()


def mkdir(path: _Path, mode: int) -> None:
    """Create a folder."""
    Path(path).mkdir(mode)
