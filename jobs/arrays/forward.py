"""Arrays that come as a stream, front to back: what is read of them, in order and once, in bounded memory.

A source whose `is_streamed` is true opens to such a reader. Jobs copy it once to a file that is read by region.

::

    stream     | e0 e1 e2 e3 e4 e5 e6 e7 e8 ...
    regions      ----- -----------    -----             in order; what lies between two is passed over
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..blocks import Region, Shape, region_shape
from ..headers import ArrayHeader
from .source import check_block
from .transfer import byte_view

__all__ = ["ForwardReader", "forward_regions"]

CALL_BYTES = 1 << 20
"""Asked of the stream at once: what unpacks it makes as much again."""


class ForwardReader:
    """An array in a stream, open at its first element. One thread at a time.

    Parameters
    ----------
    header : ArrayHeader
        The stream holds the elements in its memory order.
    fill : callable
        Fills a buffer with the next bytes of the stream and raises InputError if there are fewer.
    """

    __slots__ = ("_fill_buffer", "_header", "_position")

    def __init__(self, header: ArrayHeader, fill: Callable[[memoryview], object]) -> None:
        self._header, self._fill_buffer = header, fill
        self._position = 0

    def view(self, region: Region, *, is_kept: bool = False) -> None:
        """Return None: what comes in a stream is read."""

    def expect(self, region: Region) -> None:
        """Return: a stream has nothing to prepare."""

    def read(self, region: Region, out: NDArray[Any]) -> int:
        """Fill `out` with a region and return the bytes of the stream that went by.

        Parameters
        ----------
        region : tuple of (start, stop)
            Elements that follow one another in the stream, none of which went by already; `forward_regions` yields
            such regions.
        out : ndarray
            Of the region's shape; any layout; the stored dtype, in the stored or the native byte order.

        Raises
        ------
        InputError
            If the stream is broken or ends early.
        ValueError
            If the region is not to be read front to back.
        """
        header = self._header
        check_block(header, region, out)
        if 0 in out.shape:
            return 0
        if header.order == "F":
            shape, region, out = header.shape[::-1], region[::-1], out.T
        else:
            shape = header.shape
        start = _position_of(shape, region)
        if start is None or start < self._position:
            where = "are not consecutive" if start is None else "went by already"
            raise ValueError(f"{header.name} is read front to back, and elements of {region} {where}")
        moved = self._skip((start - self._position) * header.dtype.itemsize) + self._read(out)
        self._position = start + out.size
        return moved

    def _skip(self, n_bytes: int) -> int:
        dropped = memoryview(bytearray(min(n_bytes, CALL_BYTES)))
        for done in range(0, n_bytes, CALL_BYTES):
            self._fill_buffer(dropped[: n_bytes - done])
        return n_bytes

    def _read(self, out: NDArray[Any]) -> int:
        dtype = self._header.dtype
        length = CALL_BYTES // dtype.itemsize
        is_direct = out.flags.c_contiguous and out.flags.writeable
        staging = None if is_direct else np.empty(min(length, out.size), dtype)
        for first in range(0, out.size, length):
            part = slice(first, min(first + length, out.size))
            piece = out.reshape(-1)[part] if staging is None else staging[: part.stop - first]
            self._fill_buffer(byte_view(piece))
            if staging is not None:
                out.flat[part] = piece
            elif out.dtype != dtype:
                piece.byteswap(inplace=True)
        return out.size * dtype.itemsize


def _position_of(shape: Shape, region: Region) -> int | None:
    """Return the place of a region's first element in the stream; None if others lie between its elements."""
    extents = region_shape(region)
    split = [axis for axis, n in enumerate(extents) if n > 1]
    if split and extents[split[0] + 1 :] != shape[split[0] + 1 :]:
        return None
    position = 0
    for (start, _), n in zip(region, shape, strict=True):
        position = position * n + start
    return position


def forward_regions(header: ArrayHeader, limit_bytes: int) -> Iterator[Region]:
    """Yield the regions of an array in the order of a stream, each of `limit_bytes` at most if an element fits in.

    Examples
    --------
    >>> list(forward_regions(ArrayHeader("x", (2, 3), np.dtype("u1")), 4))
    [((0, 1), (0, 3)), ((1, 2), (0, 3))]
    >>> list(forward_regions(ArrayHeader("x", (2, 3), np.dtype("u1"), "F"), 4))
    [((0, 2), (0, 2)), ((0, 2), (2, 3))]
    """
    shape = header.shape if header.order == "C" else header.shape[::-1]
    if header.size == 0:
        return
    axis, rest = len(shape), header.dtype.itemsize
    while axis > 0 and rest * shape[axis - 1] <= limit_bytes:
        axis -= 1
        rest *= shape[axis]
    whole = tuple((0, n) for n in shape)
    if axis == 0:
        yield whole if header.order == "C" else whole[::-1]
        return
    length = max(limit_bytes // rest, 1)
    for outer in np.ndindex(shape[: axis - 1]):
        for start in range(0, shape[axis - 1], length):
            fixed = tuple((place, place + 1) for place in outer)
            region: Region = (*fixed, (start, min(start + length, shape[axis - 1])), *whole[axis:])
            yield region if header.order == "C" else region[::-1]
