"""Arrays that lie in one run in a file behind a URL, read by ranges: many at once, those that are near as one.

::

    region     ####..####..####.............####..####          gaps up to 512 KiB are read and thrown away,
    ranges     |---------------|            |--------|          each range is one request
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ...blocks import Region, Shape
from ...headers import ArrayHeader
from ..runs import Piece, byte_strides, cut
from ..source import check_block, view_of
from .file import RemoteFile, RemoteStamp, open_file

__all__ = ["RemoteNpyReader", "RemoteNpySource", "batch_bytes"]

GAP_BYTES = 512 * 1024
"""A request takes some 30 ms, in which so much comes over a line of 150 Mbit/s."""
RANGE_BYTES = 4 * 2**20
"""Of one request."""
BATCH_BYTES = 16 * 2**20
"""Asked for at once."""

_Wanted: TypeAlias = tuple[Piece, NDArray[Any]]
"""What is asked for, and where it goes."""


@dataclass(frozen=True, slots=True)
class RemoteNpySource:
    """An array in a file behind a URL.

    Parameters
    ----------
    url : str
    header : ArrayHeader
    data_offset : int
        Position of the first element in the file, in bytes.
    stamp : RemoteStamp
        Of the file when it was first opened.
    """

    url: str = field(repr=False)
    header: ArrayHeader
    data_offset: int
    stamp: RemoteStamp

    @property
    def files(self) -> tuple[str, ...]:
        """None: no file of this machine is read."""
        return ()

    @property
    def marks(self) -> tuple[tuple[str, str], ...]:
        """Where it is, and what the server says of it."""
        return ((self.header.name, str(self.stamp)),)

    @property
    def T(self) -> RemoteNpySource:  # noqa: N802 - NumPy's name
        """The same array with its axes reversed; nothing is copied."""
        return self if self.header.ndim < 2 else replace(self, header=self.header.T)

    @contextmanager
    def open(self) -> Iterator[RemoteNpyReader]:
        """Open the file and check, then and on leaving, that it is still the one that was planned with.

        Raises
        ------
        InputChangedError
            If it was changed.
        InputError
            If it cannot be read any more.
        """
        file = open_file(self.url, self.header.name)
        file.check(self.stamp)
        yield RemoteNpyReader(file, self.header, self.data_offset)
        file.check(self.stamp)


class RemoteNpyReader:
    """An array behind a URL that is being read. One thread at a time.

    Parameters
    ----------
    file : RemoteFile
    header : ArrayHeader
    data_offset : int
        Position of the first element in the file, in bytes.
    """

    __slots__ = ("_data_offset", "_file", "_header")

    gap_bytes = GAP_BYTES
    """Whoever selects parts of the array reads gaps up to this."""

    def __init__(self, file: RemoteFile, header: ArrayHeader, data_offset: int) -> None:
        self._file, self._header, self._data_offset = file, header, data_offset

    def view(self, region: Region, *, is_kept: bool = False) -> None:
        """Return None: what is not on this machine is read."""

    def expect(self, region: Region) -> None:
        """Return: what is wanted is asked for when it is read."""

    def read(self, region: Region, out: NDArray[Any]) -> int:
        """Fill `out` with a region and return the bytes that came, gaps that were thrown away included.

        Raises
        ------
        InputChangedError
            If the file is too short.
        InputError
            If it cannot be read.
        """
        return self.read_many([(region, out)])

    def read_many(self, parts: Iterable[tuple[Region, NDArray[Any]]]) -> int:
        """Fill arrays with a region each and return the bytes that came: of several regions at once, as `read` does."""
        moved = 0
        for batch in _batches(each for part in parts for each in self._pieces(*part)):
            answers = iter(self._file.fetch([bounds for piece, _ in batch for bounds in self._ranges(piece)]))
            for piece, out in batch:
                raw = b"".join(next(answers) for _ in range(piece.count if piece.kind == "rows" else 1))
                moved += len(raw)
                _place(raw, piece, out, self._memory_shape(), self._header.dtype)
        return moved

    def _pieces(self, region: Region, out: NDArray[Any]) -> Iterator[_Wanted]:
        """Yield what is asked for to fill `out`, with its part of it, in memory order."""
        check_block(self._header, region, out)
        if self._header.order == "F":
            region, out = region[::-1], out.T
        itemsize = self._header.dtype.itemsize
        limits: dict[str, Any] = {"gap_bytes": GAP_BYTES, "limit_bytes": RANGE_BYTES, "direct": False}
        for piece in cut(self._memory_shape(), itemsize, region, **limits):
            yield piece, view_of(out, piece.region, origin=region)

    def _memory_shape(self) -> Shape:
        return self._header.shape if self._header.order == "C" else self._header.shape[::-1]

    def _ranges(self, piece: Piece) -> Iterator[tuple[int, int]]:
        first = self._data_offset + piece.offset
        if piece.kind == "rows":
            for number in range(piece.count):
                start = first + number * piece.step
                yield start, start + piece.run
        else:
            yield first, first + piece.span


def batch_bytes(header: ArrayHeader) -> int:
    """Return the most memory that a reader of an array takes: a batch as it came, and put together."""
    return 2 * min(BATCH_BYTES + RANGE_BYTES, header.nbytes)


def _batches(pieces: Iterator[_Wanted]) -> Iterator[list[_Wanted]]:
    """Yield pieces that are asked for at once."""
    batch: list[_Wanted] = []
    n_bytes = 0
    for wanted in pieces:
        piece = wanted[0]
        own = piece.count * piece.run if piece.kind == "rows" else piece.span
        if batch and n_bytes + own > BATCH_BYTES:
            yield batch
            batch, n_bytes = [], 0
        batch.append(wanted)
        n_bytes += own
    if batch:
        yield batch


def _place(raw: bytes, piece: Piece, out: NDArray[Any], shape: Shape, dtype: np.dtype[Any]) -> None:
    if piece.kind == "cover":
        # the bytes from the first to the last element, seen with the strides of the file
        out[...] = np.ndarray(out.shape, dtype, buffer=raw, strides=byte_strides(shape, dtype.itemsize))
    else:
        out[...] = np.frombuffer(raw, dtype).reshape(out.shape)
