"""Arrays of Zarr stores, whose chunks the zarr library unpacks."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from lzma import LZMAError
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

from numpy.typing import NDArray

from ...blocks import Region, Shape, as_slices
from ...errors import InputError
from ...headers import ArrayHeader
from ..chunked import ChunkedReader, format_region
from ..files import cannot_read
from .files import ZarrFiles

__all__ = ["BROKEN_ZARR", "ZarrSource", "broken_zarr", "open_node"]

BROKEN_ZARR = (
    OSError, LookupError, ValueError, TypeError, RuntimeError, AttributeError, EOFError, OverflowError, zlib.error,
    LZMAError, BadZipFile,
)  # fmt: skip
"""What zarr and its codecs raise on broken stores."""

MOST_OPEN = 16
"""Arrays that are kept open in a process: to read the description of one takes 1 ms."""


@dataclass(frozen=True, slots=True)
class ZarrSource:
    """An array of a Zarr store.

    Parameters
    ----------
    path : str
        Absolute, of the store: a folder or a zip file.
    member : str
        The array's path in it; empty where the store is one array.
    header : ArrayHeader
    chunks : tuple of int
        What is unpacked at once, in the stored order of the axes.
    newest_ns : int
        When any of its files was last changed, as it was first opened, in ns since 1970.
    is_zip : bool
    is_reversed : bool
        The header's axes are those that are stored, reversed.
    """

    path: str
    member: str
    header: ArrayHeader
    chunks: Shape
    newest_ns: int
    is_zip: bool = False
    is_reversed: bool = False

    @property
    def folder(self) -> str:
        """Where the array's files are; the zip file of a store that is one."""
        return self.path if self.is_zip else str(Path(self.path, self.member))

    @property
    def files(self) -> tuple[str, ...]:
        """The folder of the array, every file in which counts, or the zip file."""
        return (self.folder,)

    @property
    def data_offset(self) -> int:
        """Return 0: elements have no place in a file that is known."""
        return 0

    @property
    def T(self) -> ZarrSource:  # noqa: N802 - NumPy's name
        """The same array with the axes reversed."""
        if self.header.ndim < 2:
            return self
        return replace(self, header=self.header.T, is_reversed=not self.is_reversed)

    @contextmanager
    def open(self) -> Iterator[ChunkedReader]:
        """Open the array; each read checks that its chunks are those of when the job was planned.

        Raises
        ------
        InputChangedError
            If the description changed.
        InputError
            If it cannot be read any more.
        """
        name = self.header.name
        try:
            array = _open_array(self.path, self.member, self.is_zip, self.newest_ns)
        except BROKEN_ZARR as error:
            raise broken_zarr(name, error) from error
        encode = None if self.is_zip else array.metadata.encode_chunk_key
        files = ZarrFiles(name, self.folder, self.newest_ns, array.shards or array.chunks, encode)

        def load(region: Region, out: NDArray[Any]) -> None:
            from zarr.core.buffer.cpu import NDBuffer

            files.check(region)
            try:
                array.get_basic_selection(as_slices(region), out=NDBuffer.from_numpy_array(out))
            except BROKEN_ZARR as error:
                files.check(region)
                raise broken_zarr(name, error, f" of {format_region(region)}") from error

        files.check_description()
        yield ChunkedReader(self.header, self.chunks, load, is_reversed=self.is_reversed)
        files.check_description()


def open_node(path: str, member: str, *, is_zip: bool) -> Any:
    """Return an array or a group of a store, open for reading.

    Parameters
    ----------
    path : str
    member : str
        Path in the store; empty for its root.
    is_zip : bool
        The store is a zip file.
    """
    import zarr  # 0.2 s, which jobs on other files do not spend

    store = zarr.storage.ZipStore(path, mode="r") if is_zip else path
    return zarr.open(store, mode="r", path=member)


@lru_cache(maxsize=MOST_OPEN)
def _open_array(path: str, member: str, is_zip: bool, newest_ns: int) -> Any:
    return open_node(path, member, is_zip=is_zip)


def broken_zarr(name: str, error: Exception, where: str = "") -> InputError:
    """Return the error for a store that zarr does not read."""
    if isinstance(error, OSError) and error.errno:
        return cannot_read(name, error)
    said = str(error) or type(error).__name__
    return InputError(
        f"{name}: the Zarr store is broken", cause=f"zarr says{where}: {said}", next="copy or write it again"
    )
