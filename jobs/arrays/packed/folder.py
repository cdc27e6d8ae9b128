"""What an output is packed into, a folder: exchanged with the one that it replaces, so that one is always there.

::

    y.zarr.partial.packed     the new folder                    exchange: both names change in one step
    y.zarr                    the old folder
                              where the file system cannot exchange:
    y.zarr.partial.replaced   the old one is moved away          stopped here: `recover` puts it back
    y.zarr                    the new one gets the name          then the old one is removed
"""

from __future__ import annotations

import errno
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from ... import disk
from ..output_checks import packed_path
from .package import Stamp, stamp_of

__all__ = ["FolderPackage"]

_CANNOT = frozenset({errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM})
_N_THREADS = 4
"""That wait for the disk."""


@dataclass(frozen=True, slots=True)
class FolderPackage:
    """A folder of files.

    Parameters
    ----------
    final : Path
        Absolute path of the output.
    mark : str
        Name of the file in it that it is known by.
    """

    final: Path
    mark: str

    @property
    def path(self) -> Path:
        """Its temporary name."""
        return packed_path(self.final)

    @property
    def _replaced(self) -> Path:
        return self.final.with_name(self.final.name + ".partial.replaced")

    def create(self) -> None:
        """Make the folder, new and empty.

        Raises
        ------
        OSError
        """
        self.tidy()
        disk.mkdir(self.path, 0o777)

    def sync(self) -> Stamp:
        """Make all files and folders in it durable, and return what it is known by.

        Raises
        ------
        OSError
        """
        with ThreadPoolExecutor(_N_THREADS, thread_name_prefix="arraymill-sync") as threads:
            for folder, _, names in os.walk(self.path, topdown=False):
                for _ in threads.map(_sync_file, [Path(folder, name) for name in names]):
                    pass
                disk.fsync_folder(folder)
        disk.fsync_folder(self.path.parent)
        stamp = stamp_of(self.path / self.mark)
        assert stamp is not None
        return stamp

    def publish(self, *, replace: bool) -> None:
        """Give the folder its final name.

        Raises
        ------
        FileExistsError
            If the name is taken and `replace` is False.
        OSError
        """
        if replace and os.path.lexists(self.final):
            self._exchange()
        else:
            self._rename_to_new()
        disk.fsync_folder(self.final.parent)

    def _exchange(self) -> None:
        try:
            disk.exchange(self.path, self.final)
        except OSError as error:
            if error.errno not in _CANNOT:
                raise
            disk.rename(self.final, self._replaced)
            disk.fsync_folder(self.final.parent)
            disk.rename(self.path, self.final)

    def _rename_to_new(self) -> None:
        try:
            disk.rename_to_new(self.path, self.final)
        except OSError as error:
            if error.errno not in _CANNOT:
                raise
            # a folder that appears right now is replaced only if it is empty
            if os.path.lexists(self.final):
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(self.final)) from error
            disk.rename(self.path, self.final)

    def published_stamp(self) -> Stamp | None:
        """Return the stamp of what has the final name."""
        return stamp_of(self.final / self.mark)

    def recover(self) -> None:
        """Put back what a replacement that was stopped had moved away.

        Raises
        ------
        OSError
        """
        if self._replaced.is_dir() and not os.path.lexists(self.final):
            disk.rename(self._replaced, self.final)
            disk.fsync_folder(self.final.parent)

    def tidy(self) -> None:
        """Remove everything but what has the final name.

        Raises
        ------
        OSError
        """
        self.recover()
        for path in (self.path, self._replaced):
            disk.remove_tree(path)


def _sync_file(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        disk.fsync(descriptor)
    finally:
        os.close(descriptor)
