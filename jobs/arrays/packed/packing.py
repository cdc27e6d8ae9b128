"""What all packers share: the pieces in which a finished array is read, and the file that they are written to."""

from __future__ import annotations

import errno
import io
import math
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...blocks import Grid, Region, Shape, region_shape, row_major_chunks
from ...headers import ArrayHeader
from ..npy.target import NpyTarget
from ..output_options import OutputOptions
from ..transfer import write_from

__all__ = [
    "PIECE_BYTES",
    "Packer",
    "SinkFile",
    "os_error_of",
    "piece_shape",
    "pieces",
    "row_pieces",
]

PIECE_BYTES = 16 * 2**20
"""What is read at once."""


@dataclass(frozen=True, slots=True)
class Packer:
    """A format that finished arrays are packed into.

    Parameters
    ----------
    suffixes : tuple of str
    mark : str
        The file by which a folder of the format is known; empty: the format is one file.
    check : callable
        Raises `OutputError` for an array or options that the format cannot hold.
    size : callable
        Returns about how many bytes the array takes.
    pack : callable
        Writes a finished array into a new, empty file or folder.
    load : callable
        Opens a published array, of a path with the header and options that it was written with.
    """

    suffixes: tuple[str, ...]
    mark: str
    check: Callable[[ArrayHeader, OutputOptions], None]
    size: Callable[[ArrayHeader], int]
    pack: Callable[[NpyTarget, OutputOptions, Path], None]
    load: Callable[[Path, ArrayHeader, OutputOptions], Any]


def pieces(
    target: NpyTarget, chunks: Shape | None = None, *, n_bytes: int = PIECE_BYTES, share: tuple[int, int] = (0, 1)
) -> Iterator[tuple[Region, NDArray[Any]]]:
    """Yield the regions of a finished array in C order, each with its elements, which hold until the next.

    Parameters
    ----------
    target : NpyTarget
    chunks : tuple of int, optional
        Regions end where chunks end; by default they are contiguous in C order.
    n_bytes : int
        About the size of a piece; never less than a chunk.
    share : (number, count)
        Of `count` threads, the one that takes every `count`-th piece from `number` on.
    """
    header = target.header
    grid = Grid(header.shape, piece_shape(header, chunks, n_bytes))
    room = np.empty(math.prod(grid.chunks), header.dtype)
    with target.reader() as reader:
        for region in islice(grid.regions(), share[0], None, share[1]):
            shape = region_shape(region)
            block = room[: math.prod(shape)].reshape(shape)
            reader.read(region, block)
            yield region, block


def piece_shape(header: ArrayHeader, chunks: Shape | None, n_bytes: int) -> Shape:
    """Return the shape of pieces: whole rows in C order, or whole chunks, of about `n_bytes`.

    >>> header = ArrayHeader("y", (1000, 6), np.dtype("f8"))
    >>> piece_shape(header, None, 4800), piece_shape(header, (10, 2), 960)
    ((100, 6), (20, 6))
    """
    most = max(n_bytes // header.dtype.itemsize, 1)
    if chunks is None:
        return row_major_chunks(header.shape, most)
    shape = list(chunks)
    for axis in reversed(range(header.ndim)):
        room = most // math.prod(shape)
        needed = -(-max(header.shape[axis], 1) // chunks[axis])
        shape[axis] = chunks[axis] * max(min(room, needed), 1)
        if room < needed:
            break
    return tuple(min(length, max(n, 1)) for length, n in zip(shape, header.shape, strict=True))


def row_pieces(target: NpyTarget, *, n_bytes: int = PIECE_BYTES) -> Iterator[tuple[bool, NDArray[Any]]]:
    """Yield a vector or a table as blocks of two axes, in C order, each with whether a row ends with it."""
    n_columns = target.header.shape[1] if target.header.ndim == 2 else 1
    for region, block in pieces(target, n_bytes=n_bytes):
        table = block.reshape(-1, 1) if block.ndim < 2 else block
        yield len(region) < 2 or region[1][1] == n_columns, table


class SinkFile(io.RawIOBase):
    """An open file whose writes pass through `disk`, as foreign libraries want it.

    Parameters
    ----------
    descriptor : int
        Closed by who opened it.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._position = 0
        self._size = os.fstat(descriptor).st_size

    def writable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a position and return it."""
        origin = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        self._position = origin + offset
        return self._position

    def tell(self) -> int:
        """Return the position."""
        return self._position

    def write(self, content: Any) -> int:
        """Write all of `content` and return its bytes."""
        view = memoryview(content).cast("B")
        write_from(self._descriptor, [view], self._position)
        self._position += view.nbytes
        self._size = max(self._size, self._position)
        return view.nbytes


_ERRNO = re.compile(r"errno = (\d+)")


def os_error_of(error: Exception) -> OSError:
    """Return the error of the system that a library tells of in its own words: HDF5 gives the number in the text.

    >>> os_error_of(RuntimeError("Can't write (errno = 28, error message = 'No space left on device')"))
    OSError(28, 'No space left on device')
    """
    if isinstance(error, OSError) and error.errno:
        return error
    found = _ERRNO.search(str(error))
    number = int(found[1]) if found else errno.EIO
    return OSError(number, os.strerror(number) if found else str(error))
