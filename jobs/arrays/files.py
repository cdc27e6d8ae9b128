"""Input files: opened only if regular, told apart by a stamp, with errors that name the file and the way out."""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from ..errors import InputChangedError, InputError, InputFailedError

__all__ = ["TRANSIENT", "FileStamp", "cannot_read", "check_unchanged", "open_regular", "read_prefix"]

TRANSIENT = frozenset({errno.EIO, errno.EAGAIN, errno.EBUSY, errno.ETIMEDOUT, errno.EREMOTEIO})
"""What a disk or a file server may say now, and not a moment later."""

_WAYS_OUT = {
    errno.ENOENT: "check the path",
    errno.ENOTDIR: "check the path",
    errno.ENAMETOOLONG: "check the path",
    errno.EACCES: "ask for read permission: chmod u+r, or the owner",
    errno.EPERM: "ask for read permission: chmod u+r, or the owner",
    errno.ELOOP: "its symbolic links lead in a circle",
    errno.EIO: "the disk or the network file system fails: see dmesg",
    errno.ESTALE: "the file was replaced on the file server: run again",
}

_KINDS = (
    (stat.S_ISDIR, "a directory"),
    (stat.S_ISFIFO, "a FIFO"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISSOCK, "a socket"),
)


@dataclass(frozen=True, slots=True)
class FileStamp:
    """What the system says of a file: another stamp means that it was changed or replaced.

    Parameters
    ----------
    size : int
        Bytes.
    mtime_ns : int
        Last modification, in ns since 1970.
    device, inode : int
    """

    size: int
    mtime_ns: int
    device: int
    inode: int

    @classmethod
    def of(cls, status: os.stat_result) -> FileStamp:
        """Return the stamp of a file from its ``os.stat``."""
        return cls(status.st_size, status.st_mtime_ns, status.st_dev, status.st_ino)

    def __str__(self) -> str:
        return f"{self.size} bytes, modified {self.mtime_ns / 1e9:.6f}, inode {self.inode}"


def cannot_read(name: str, error: OSError | ValueError, where: str = "") -> InputError:
    """Return the error for a file that the system does not let us read."""
    reason = error.strerror if isinstance(error, OSError) else str(error)
    number = error.errno if isinstance(error, OSError) else None
    kind = InputFailedError if number in TRANSIENT else InputError
    return kind(f"{name}: cannot be read{where}", cause=reason or str(error), next=_WAYS_OUT.get(number or 0, ""))


def check_unchanged(name: str, stamp: FileStamp, status: os.stat_result) -> None:
    """Check that a file is still the one that a job was planned with.

    Raises
    ------
    InputChangedError
    """
    now = FileStamp.of(status)
    if now != stamp:
        raise InputChangedError(
            f"{name}: the file changed since the job was planned",
            cause=f"planned with {stamp}; now {now}",
            next="run the job again on the file as it is now",
        )


def open_regular(name: str, path: str) -> tuple[int, os.stat_result]:
    """Return a descriptor of a regular file, open for reading, and its status.

    Parameters
    ----------
    name : str
        How the file is called in messages.
    path : str

    Raises
    ------
    InputError
        If it is missing, not a regular file, or not readable.
    """
    try:
        # Looked at first: to open a FIFO waits for its writer, and to open a device may do something.
        _check_regular(name, Path(path).stat())
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise cannot_read(name, error) from error
    return descriptor, os.fstat(descriptor)


def _check_regular(name: str, status: os.stat_result) -> None:
    for is_kind, kind in _KINDS:
        if is_kind(status.st_mode):
            raise InputError(
                f"{name}: is {kind}, not a file", cause="only regular files and Zarr stores are read", next="name one"
            )


def read_prefix(name: str, descriptor: int, n_bytes: int) -> bytes:
    """Return the first bytes of a file, `n_bytes` at most.

    Raises
    ------
    InputError
        If the device fails.
    """
    try:
        return os.pread(descriptor, n_bytes, 0)
    except OSError as error:
        raise cannot_read(name, error) from error
