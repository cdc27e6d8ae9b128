"""A part of a source that is read from front to back: whole rows go by, and what is selected of them is kept."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...blocks import Region, region_shape
from ...headers import ArrayHeader
from ..source import Reader, check_block
from .selection import Cut

__all__ = ["SelectedStreamReader"]

SCRATCH_BYTES = 4 * 2**20
"""Of rows, at least one, that are read at once."""


class SelectedStreamReader:
    """A part of a stream that is being read, itself from front to back. One thread at a time.

    Parameters
    ----------
    header : ArrayHeader
        Of the part.
    cuts : tuple of Cut
        What is taken of each axis; the first keeps its axis and goes forward.
    reader : Reader
        Of the stream, which is in C order.
    stream : ArrayHeader
    """

    __slots__ = ("_cuts", "_header", "_reader", "_stream")

    def __init__(self, header: ArrayHeader, cuts: tuple[Cut, ...], reader: Reader, stream: ArrayHeader) -> None:
        self._header, self._cuts, self._reader, self._stream = header, cuts, reader, stream

    def view(self, region: Region, *, is_kept: bool = False) -> None:
        """Return None: what comes in a stream is read."""

    def expect(self, region: Region) -> None:
        """Return: a stream has nothing to prepare."""

    def read(self, region: Region, out: NDArray[Any]) -> int:
        """Fill `out` with a region, whose rows follow those that were read, and return the bytes that went by.

        Raises
        ------
        ValueError
            If rows went by already, or the region is not of whole rows.
        """
        check_block(self._header, region, out)
        if 0 in out.shape:
            return 0
        if region_shape(region)[1:] != self._header.shape[1:]:
            raise ValueError(f"{self._header.name} is read in whole rows, and {region} is none")
        first, stop = region[0]
        row_bytes = math.prod(self._stream.shape[1:]) * self._stream.dtype.itemsize
        length = max(SCRATCH_BYTES // (row_bytes * self._cuts[0].step), 1)
        moved = 0
        for start in range(first, stop, length):
            end = min(start + length, stop)
            moved += self._read_rows((start, end), out[start - first : end - first])
        return moved

    def _read_rows(self, places: tuple[int, int], out: NDArray[Any]) -> int:
        rows = self._cuts[0].bounds(*places)
        cover: Region = (rows, *((0, n) for n in self._stream.shape[1:]))
        scratch = np.empty(region_shape(cover), out.dtype)
        moved = self._reader.read(cover, scratch)
        index: tuple[Any, ...] = (slice(None, None, self._cuts[0].step), *map(_index, self._cuts[1:]))
        out[...] = scratch[index]
        return moved


def _index(cut: Cut) -> Any:
    """Return what NumPy takes as the index of an axis.

    >>> _index(Cut(4, -2, 3)), _index(Cut(3, 1, 1, False))
    (slice(4, None, -2), 3)
    """
    if not cut.is_kept:
        return cut.start
    stop = cut.start + cut.length * cut.step
    return slice(cut.start, stop if stop >= 0 else None, cut.step)
