"""The files of a Zarr array: whether they are still those that a job was planned with."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

from ...blocks import Region, Shape
from ...errors import InputChangedError, InputError
from ..files import cannot_read

__all__ = ["ZarrFiles", "newest_change_ns"]


@dataclass(frozen=True, slots=True)
class ZarrFiles:
    """The files of an array, which are looked at before they are read.

    Parameters
    ----------
    name : str
        How the array is called in messages.
    folder : str
        Of the array; or the zip file of a store that is one.
    newest_ns : int
        When the last of them was changed, as the job was planned.
    grid : tuple of int
        Shape of what one file holds: a chunk, or a shard of several.
    encode : callable
        Returns the path in the folder of the file at a place in the grid; None in a zip file.
    """

    name: str
    folder: str
    newest_ns: int
    grid: Shape
    encode: Callable[[tuple[int, ...]], str] | None

    def check_description(self) -> None:
        """Check that the array is described as it was."""
        if self.encode is None:
            self._check(self.folder)
            return
        for name in ("zarr.json", ".zarray"):
            if os.path.lexists(path := f"{self.folder}/{name}"):
                self._check(path)
                return
        raise self._changed("its description is gone")

    def check(self, region: Region) -> None:
        """Check that the chunks of a region are those that were there, and that none of them is empty."""
        if self.encode is None:
            self._check(self.folder)
            return
        places = [range(start // c, -(-stop // c)) for (start, stop), c in zip(region, self.grid, strict=True)]
        for place in product(*places):
            status = self._check(path := f"{self.folder}/{self.encode(place)}")
            # zarr takes what is empty, or no file, for the fill value
            if status is not None and (status.st_size == 0 or not stat.S_ISREG(status.st_mode)):
                cause = f"{path} is {'empty' if stat.S_ISREG(status.st_mode) else 'no file'}"
                raise InputError(f"{self.name}: a chunk is broken", cause=cause, next="copy or write it again")

    def _check(self, path: str) -> os.stat_result | None:
        """Check a file, or the folder that it would be in, and return its status if it is there."""
        try:
            status = os.stat(path)  # noqa: PTH116 - a Path of each of very many chunks takes as long again
        except FileNotFoundError:
            # Zarr leaves chunks out that hold the fill value alone. One that was removed made its folder newer.
            parent = path.rpartition("/")[0]
            if len(parent) < len(self.folder):
                raise self._changed("it is gone") from None
            self._check(parent)
            return None
        except OSError as error:
            raise cannot_read(self.name, error, f" ({path})") from error
        if status.st_ctime_ns > self.newest_ns:
            raise self._changed(f"{path} was written, or removed from, {status.st_ctime_ns / 1e9:.6f}")
        return status

    def _changed(self, cause: str) -> InputChangedError:
        return InputChangedError(
            f"{self.name}: the store changed since the job was planned",
            cause=f"{cause}; planned with what was there at {self.newest_ns / 1e9:.6f}",
            next="run the job again on the store as it is now",
        )


def newest_change_ns(name: str, path: str) -> int:
    """Return when any file or folder of an array was last written, renamed or removed from, in ns since 1970.

    That is the time of its status (``st_ctime``), which unlike that of its content cannot be set back.

    Parameters
    ----------
    name : str
        How the array is called in messages.
    path : str
        Its folder, or the zip file of a store that is one.

    Raises
    ------
    InputError
        If a folder cannot be read.
    """
    newest_ns, waiting = 0, [path]
    try:
        while waiting:
            status = os.stat(item := waiting.pop())  # noqa: PTH116 - there may be very many
            newest_ns = max(newest_ns, status.st_ctime_ns)
            if stat.S_ISDIR(status.st_mode):
                waiting.extend(f"{item}/{name}" for name in os.listdir(item))  # noqa: PTH208
    except OSError as error:
        raise cannot_read(name, error) from error
    return newest_ns
