"""A file under its temporary name: locked by one run, then renamed, left for later, or removed."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from pathlib import Path

from .. import disk
from ..locks import unlock_and_close

__all__ = ["Partial"]

_NO_LINKS = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EXDEV})


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

    def is_published(self) -> bool:
        """Return whether the open file has the final name."""
        try:
            return os.path.samestat(os.fstat(self.descriptor), self.final.lstat())
        except FileNotFoundError:
            return False

    def sync(self) -> None:
        """Make the file and its temporary name durable."""
        disk.fsync(self.descriptor)
        disk.fsync_folder(self.path.parent)

    def publish(self, *, replace: bool) -> None:
        """Make the file durable, give it its final name, unlock it. Does nothing once closed.

        After an error it may be called again: it goes on from where it was, as it does after a crash.

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
        if self.has_name():
            disk.fsync(self.descriptor)
            self._rename(replace=replace)
        elif not self.is_published():
            raise FileNotFoundError(errno.ENOENT, "the temporary file was removed or replaced", str(self.path))
        disk.fsync_folder(self.path.parent)
        self.close()

    def _rename(self, *, replace: bool) -> None:
        if self.is_published():
            # Stopped between link and unlink. Not a rename: between two names of one file it does nothing.
            self._drop_temporary_name()
        elif replace:
            disk.rename(self.path, self.final)
        else:
            self._rename_to_new()

    def _rename_to_new(self) -> None:
        try:
            # A link refuses a name that is taken, in one step; a rename would replace it.
            disk.link(self.path, self.final)
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            # No hard links here (FAT, some network file systems): a name taken right now would be replaced.
            if os.path.lexists(self.final):
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(self.final)) from error
            disk.rename(self.path, self.final)
        else:
            self._drop_temporary_name()

    def _drop_temporary_name(self) -> None:
        # The new name first: of two changes of a folder that are not durable, a power failure may undo the first alone.
        disk.fsync_folder(self.path.parent)
        disk.unlink(self.path)

    def remove(self) -> None:
        """Remove the temporary name and unlock. Does nothing once closed.

        Raises
        ------
        OSError
            If the file system fails; it is unlocked all the same.
        """
        if self.descriptor < 0:
            return
        try:
            if self.has_name():
                disk.unlink(self.path)
        finally:
            self.close()

    def close(self) -> None:
        """Unlock and close, and leave the names alone."""
        if self.descriptor >= 0:
            unlock_and_close(self.descriptor)
            self.descriptor = -1
