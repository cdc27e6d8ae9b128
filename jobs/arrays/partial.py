"""A file under its temporary name: locked by one run, reserved on disk, renamed or removed."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import stat
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

from ..errors import OutputError, OutputLockedError
from .output_checks import partial_path

__all__ = ["Partial", "open_partial"]

_NO_FALLOCATE = frozenset({errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL})
_NO_LINKS = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EXDEV})
_OPEN_ATTEMPTS = 100


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
                path.unlink()
    raise OutputLockedError(f"{name}: other runs keep creating and removing it", next="run again when they are done")


def _open_and_lock(name: str, path: Path, final: Path) -> tuple[Partial, bool]:
    try:
        descriptor, is_new = _open(path)
    except OSError as error:
        raise OutputError(
            f"{name}: cannot be created", cause=f"{path}: {error.strerror}", next="choose another folder or name"
        ) from error
    partial = Partial(path, final, descriptor)
    try:
        _check_and_lock(name, partial)
    except BaseException:
        partial.close()
        raise
    return partial, is_new


def _open(path: Path) -> tuple[int, bool]:
    """Return a descriptor, and whether the file is new."""
    flags = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
    while True:
        try:
            return os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o666), True
        except FileExistsError:
            with suppress(FileNotFoundError):  # its owner has just renamed or removed it
                return os.open(path, flags), False


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


@dataclass(slots=True)
class Partial:
    """An open temporary file, closed (and so unlocked) when it is published or removed.

    Parameters
    ----------
    path, final : Path
        Absolute paths of the temporary and of the final name.
    descriptor : int
        Open and locked; -1 once closed.
    """

    path: Path
    final: Path
    descriptor: int

    def has_name(self) -> bool:
        """Return whether the temporary name still belongs to the open file: its owner may have renamed it."""
        try:
            return os.path.samestat(os.fstat(self.descriptor), self.path.lstat())
        except FileNotFoundError:
            return False

    def reserve(self, n_bytes: int) -> None:
        """Give the file its size, with blocks reserved on disk where the file system can.

        Raises
        ------
        OSError
            ENOSPC if they are not there.
        """
        # Not os.posix_fallocate: where the file system cannot, the C library writes a byte to every block instead.
        libc = ctypes.CDLL(None, use_errno=True)
        length = ctypes.c_int64(n_bytes)
        while libc.fallocate(self.descriptor, 0, ctypes.c_int64(0), length) != 0:
            number = ctypes.get_errno()
            if number in _NO_FALLOCATE:
                os.ftruncate(self.descriptor, n_bytes)
                return
            if number != errno.EINTR:
                raise OSError(number, os.strerror(number), str(self.path))

    def sync(self) -> None:
        """Make the file and its temporary name durable."""
        os.fsync(self.descriptor)
        self._sync_folder()

    def publish(self, *, replace: bool) -> None:
        """Make the file durable, give it its final name, unlock it. Does nothing once closed.

        Raises
        ------
        FileExistsError
            If the final name is taken and `replace` is False.
        FileNotFoundError
            If somebody else removed or replaced the temporary file.
        OSError
            If the file system fails.
        """
        if self.descriptor < 0:
            return
        if not self.has_name():
            raise FileNotFoundError(errno.ENOENT, "the temporary file was removed or replaced", str(self.path))
        os.fsync(self.descriptor)
        if replace:
            self.path.replace(self.final)
        else:
            self._rename_to_new()
        self._sync_folder()
        self.close()

    def _rename_to_new(self) -> None:
        try:
            # A link refuses a name that is taken, in one step; a rename would replace it.
            os.link(self.path, self.final, follow_symlinks=False)
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            # No hard links here (FAT, some network file systems): a name taken right now would be replaced.
            if os.path.lexists(self.final):
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(self.final)) from error
            self.path.rename(self.final)
        else:
            self.path.unlink()

    def remove(self) -> None:
        """Remove the temporary name and unlock. Does nothing once closed."""
        if self.descriptor < 0:
            return
        if self.has_name():
            self.path.unlink()
        self.close()

    def close(self) -> None:
        """Unlock and close, and leave the names alone."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    def _sync_folder(self) -> None:
        folder = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
