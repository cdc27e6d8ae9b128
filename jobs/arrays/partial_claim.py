"""How a run comes to hold the temporary file of its output: a new one, or the one that it left before."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from contextlib import ExitStack, suppress
from pathlib import Path

from .. import disk
from ..errors import OutputError, OutputLockedError
from .output_checks import partial_path
from .partial import Partial

__all__ = ["adopt_partial", "cannot_adopt", "open_partial"]

_OPEN_ATTEMPTS = 100
_FLAGS = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


def open_partial(name: str, final: Path) -> Partial:
    """Return the temporary file of an output, new, empty and locked.

    What a dead run left under the name is removed, never reused: a late worker of that run may still hold it open.

    Parameters
    ----------
    name : str
        How the output is called in messages.
    final : Path
        Absolute path of the output.

    Raises
    ------
    OutputLockedError
        If another run holds it.
    OutputError
        If something that is not a file is in the way, or it cannot be created.
    """
    path = partial_path(final)
    with ExitStack() as leftovers:
        for _ in range(_OPEN_ATTEMPTS):
            partial, is_new = _open_and_lock(name, path, final)
            if is_new and partial.has_name():
                return partial
            # Held open until the new file exists: its inode number must not go to the new file, by which late workers
            # of the dead run tell that theirs is gone.
            leftovers.callback(partial.close)
            if partial.has_name():
                _remove_leftover(name, path)
    raise OutputLockedError(f"{name}: other runs keep creating and removing it", next="run again when they are done")


def adopt_partial(name: str, final: Path) -> Partial:
    """Return the temporary file that an earlier run of the same job left, locked and otherwise untouched.

    Parameters
    ----------
    name : str
        How the output is called in messages.
    final : Path
        Absolute path of the output.

    Raises
    ------
    OutputLockedError
        If another run holds it.
    OutputError
        If it is not there, is not a file of this user's, or cannot be opened.
    """
    path = partial_path(final)
    try:
        descriptor = os.open(path, _FLAGS)
    except OSError as error:
        reason = "it is a symbolic link" if error.errno == errno.ELOOP else error.strerror
        raise cannot_adopt(name, f"{path}: {reason}") from error
    partial = _locked(name, Partial(path, final, descriptor))
    if partial.has_name() and os.fstat(descriptor).st_uid == os.geteuid():
        return partial
    partial.close()
    raise cannot_adopt(name, f"{path}: it belongs to another user, or has just been removed")


def cannot_adopt(name: str, cause: str) -> OutputError:
    """Return the error for a temporary file that is not the one that an earlier run left."""
    return OutputError(
        f"{name}: what an earlier run wrote of it cannot be taken over",
        cause=cause,
        safe="it was not touched",
        next="run the job again from its start",
    )


def _remove_leftover(name: str, path: Path) -> None:
    try:
        disk.unlink(path)
    except OSError as error:
        raise OutputError(
            f"{name}: what a dead run left cannot be removed", cause=f"{path}: {error.strerror}", next="remove it"
        ) from error


def _open_and_lock(name: str, path: Path, final: Path) -> tuple[Partial, bool]:
    try:
        descriptor, is_new = _open(path)
    except OSError as error:
        raise OutputError(
            f"{name}: cannot be created", cause=f"{path}: {error.strerror}", next="choose another folder or name"
        ) from error
    return _locked(name, Partial(path, final, descriptor)), is_new


def _locked(name: str, partial: Partial) -> Partial:
    try:
        _check_and_lock(name, partial)
    except BaseException:
        partial.close()
        raise
    return partial


def _open(path: Path) -> tuple[int, bool]:
    """Return a descriptor, and whether the file is new."""
    while True:
        try:
            return disk.create(path, _FLAGS | os.O_EXCL, 0o666), True
        except FileExistsError:
            with suppress(FileNotFoundError):  # its owner has just renamed or removed it
                return os.open(path, _FLAGS), False


def _check_and_lock(name: str, partial: Partial) -> None:
    if not stat.S_ISREG(os.fstat(partial.descriptor).st_mode):
        raise OutputError(
            f"{name}: its temporary name is taken", cause=f"{partial.path} is not a file", next="remove it"
        )
    try:
        fcntl.flock(partial.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise OutputLockedError(
            f"{name}: another run is writing it",
            cause=f"{partial.path} is locked",
            safe="nothing was touched",
            next="wait for that run, stop it, or give this output another name",
        ) from error
    except OSError as error:
        raise OutputError(
            f"{name}: its folder is on a file system without locks",
            cause=f"flock: {error.strerror}",
            next="choose a folder on another file system",
        ) from error
