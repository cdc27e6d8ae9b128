"""Small files that are replaced in one step, in folders that only their owner can read."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .. import disk
from ..errors import JobError, StoreFullError

__all__ = [
    "broken",
    "create_file",
    "is_full",
    "make_folder",
    "make_new_folder",
    "read_file",
    "store_error",
    "write_file",
    "writing",
]

_FILE_MODE, _FOLDER_MODE = 0o600, 0o700
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_GONE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ESTALE})


def write_file(path: Path, content: bytes) -> None:
    """Give a file new content in one step: readers see the old or the new, also after a crash or a power failure.

    Parameters
    ----------
    path : Path
        Mode 0600, whatever the umask is.
    content : bytes

    Raises
    ------
    StoreFullError
        If there is no room or no permission; the old content is still there.
    JobError
        If the folder is gone.

    Examples
    --------
    >>> write_file(Path("epoch"), b"1")
    >>> write_file(Path("epoch"), b"2")
    >>> Path("epoch").read_bytes(), [path.name for path in Path().iterdir()]
    (b'2', ['epoch'])
    """
    # The process's number keeps two writers of one name apart.
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with writing(path):
        try:
            descriptor = create_file(temporary, os.O_WRONLY | os.O_TRUNC)
            try:
                disk.write(descriptor, content)
                disk.fsync(descriptor)
            finally:
                os.close(descriptor)
            disk.rename(temporary, path)
        except BaseException:
            with suppress(OSError):
                disk.unlink(temporary)
            raise
        disk.fsync_folder(path.parent)


def create_file(path: Path, flags: int) -> int:
    """Open a file of the store, created if it is not there, readable by nobody else; return its descriptor."""
    descriptor = disk.create(path, flags | os.O_NOFOLLOW, _FILE_MODE)
    # an umask may have taken away even the owner's rights
    if stat.S_IMODE(os.fstat(descriptor).st_mode) != _FILE_MODE:
        os.fchmod(descriptor, _FILE_MODE)
    return descriptor


def make_folder(path: Path) -> None:
    """Make a folder that nobody else can look into, and those above it, unless they are there.

    Raises
    ------
    OSError
    """
    if path.is_dir():
        return
    make_folder(path.parent)
    with suppress(FileExistsError):
        make_new_folder(path)
        disk.fsync_folder(path.parent)
    if not path.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path))


def make_new_folder(path: Path) -> None:
    """Make a folder that nobody else can look into. Its name is durable after a sync of the folder that it is in.

    Raises
    ------
    FileExistsError
        If the name is taken.
    """
    disk.mkdir(path, _FOLDER_MODE)
    if stat.S_IMODE(path.stat().st_mode) != _FOLDER_MODE:
        path.chmod(_FOLDER_MODE)


def read_file(path: Path) -> bytes | None:
    """Return what is in a file, or None if it is not there."""
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Raise what the operating system says about the store as errors of the job.

    Raises
    ------
    StoreFullError
        If there is no room, no permission, or the disk fails: the job can be resumed once that is mended.
    JobError
        If the folder is gone.
    """
    try:
        yield
    except JobError:
        raise
    except OSError as error:
        raise store_error(path, error) from error


def broken(path: Path) -> StoreFullError:
    """Return the error for a file that an earlier write failed on: it may end in a torn record.

    After a failed sync the kernel forgets what it could not write, and a second sync would succeed without it.
    """
    return StoreFullError(
        "the records of the job cannot be written any more",
        cause=f"an earlier write to {path} failed",
        safe="what was recorded before is kept",
        next="resume the job",
    )


def is_full(error: OSError) -> bool:
    """Return whether an error means that there is no room."""
    return error.errno in _FULL


def store_error(path: Path, error: OSError) -> JobError:
    """Return the error to raise for what the operating system says about a file of a job."""
    cause = f"{path}: {error.strerror}"
    if error.errno in _GONE:
        return JobError(
            "the folder of the job is gone",
            cause=cause,
            safe="inputs were not touched",
            next="submit the job again",
        )
    if is_full(error):
        return StoreFullError(
            "there is no room for the records of the job",
            cause=cause,
            safe="what was recorded before is kept",
            next="free some space, or your quota, and resume the job",
        )
    return StoreFullError(
        "the records of the job cannot be written",
        cause=cause,
        safe="what was recorded before is kept",
        next="make the folder writable again and resume the job",
    )
