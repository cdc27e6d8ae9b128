"""What an output is packed into, one file: made under a temporary name beside the output, then given its name.

::

    y.h5.partial         the finished array as .npy; locked            packed half: removed, and packed again
    y.h5.partial.packed  packed from it, synced, known by its stamp
    y.h5                 renamed in one step; then the .npy is removed  renamed: known by its stamp
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeAlias

from ... import disk
from ..output_checks import packed_path
from ..partial import Partial

__all__ = ["FilePackage", "Package", "Stamp", "stamp_of"]

Stamp: TypeAlias = dict[str, int]
"""What tells a packed file from every other, in JSON's types."""


class Package(Protocol):
    """What an output is packed into."""

    @property
    def path(self) -> Path:
        """Its temporary name."""

    def create(self) -> None:
        """Make it, new and empty; what an earlier run left there is removed."""

    def sync(self) -> Stamp:
        """Make it durable, and return what it is known by."""

    def publish(self, *, replace: bool) -> None:
        """Give it its final name in one step."""

    def published_stamp(self) -> Stamp | None:
        """Return the stamp of what has the final name; None if nothing has."""

    def recover(self) -> None:
        """Put back what a replacement that was stopped had moved away."""

    def tidy(self) -> None:
        """Remove everything but what has the final name."""


@dataclass(frozen=True, slots=True)
class FilePackage:
    """One file.

    Parameters
    ----------
    final : Path
        Absolute path of the output.
    """

    final: Path

    @property
    def path(self) -> Path:
        """Its temporary name."""
        return packed_path(self.final)

    def create(self) -> None:
        """Make the file, new and empty.

        Raises
        ------
        OSError
        """
        self.tidy()
        os.close(disk.create(self.path, os.O_RDWR | os.O_EXCL | os.O_NOFOLLOW, 0o666))

    def sync(self) -> Stamp:
        """Make the file durable, and return what it is known by.

        Raises
        ------
        OSError
        """
        descriptor = os.open(self.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            disk.fsync(descriptor)
        finally:
            os.close(descriptor)
        disk.fsync_folder(self.path.parent)
        stamp = stamp_of(self.path)
        assert stamp is not None
        return stamp

    def publish(self, *, replace: bool) -> None:
        """Give the file its final name.

        Raises
        ------
        FileExistsError
            If the name is taken and `replace` is False.
        OSError
        """
        descriptor = os.open(self.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        partial = Partial(self.path, self.final, descriptor)
        try:
            partial.publish(replace=replace)
        finally:
            partial.close()

    def published_stamp(self) -> Stamp | None:
        """Return the stamp of what has the final name."""
        return stamp_of(self.final)

    def recover(self) -> None:
        """Return: a file is replaced in one step."""

    def tidy(self) -> None:
        """Remove the temporary name.

        Raises
        ------
        OSError
        """
        if os.path.lexists(self.path):
            disk.unlink(self.path)


def stamp_of(path: Path) -> Stamp | None:
    """Return what a regular file is known by, whatever its name; None if there is none."""
    try:
        status = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    if not stat.S_ISREG(status.st_mode):
        return None
    # not the device: a restart of the machine may give a disk another number
    return {"inode": status.st_ino, "size": status.st_size, "mtime_ns": status.st_mtime_ns}
