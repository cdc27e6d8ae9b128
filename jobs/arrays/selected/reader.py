"""A part of an array by NumPy's basic slicing, read through a reader of the whole: steps in bounded memory.

::

    steps that are near      #..#..#..#..      one read of all, the gaps thrown away
    steps that are far       #......... #      one read of each
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...blocks import Region, region_shape
from ...headers import ArrayHeader
from ..runs import byte_strides
from ..source import Reader, check_block, view_of
from .selection import Cut

__all__ = ["SelectedReader"]

SCRATCH_BYTES = 4 * 2**20
"""Of what lies between selected elements, at most this is read at once."""

GAP_BYTES = 16 * 1024
"""What lies further apart is read one by one: to read a gap and throw it away costs less than a call up to here.

A reader whose calls cost more has a `gap_bytes` of its own."""

MOST_AT_ONCE = 1024
"""Regions that are asked for in one go, of a reader that takes several (`read_many`)."""


class SelectedReader:
    """A part of a source that is being read. One thread at a time.

    Parameters
    ----------
    header : ArrayHeader
        Of the part.
    cuts : tuple of Cut
        What is taken of each axis of the source.
    reader : Reader
        Of the source.
    source : ArrayHeader
    """

    __slots__ = ("_cuts", "_gap_bytes", "_header", "_reader", "_scratch", "_source", "_strides")

    def __init__(self, header: ArrayHeader, cuts: tuple[Cut, ...], reader: Reader, source: ArrayHeader) -> None:
        self._header, self._cuts, self._reader, self._source = header, cuts, reader, source
        self._scratch: NDArray[np.uint8] | None = None
        self._gap_bytes: int = getattr(reader, "gap_bytes", GAP_BYTES)
        shape = source.shape if source.order == "C" else source.shape[::-1]
        strides = byte_strides(shape, source.dtype.itemsize)
        self._strides = strides if source.order == "C" else strides[::-1]

    def read(self, region: Region, out: NDArray[Any]) -> int:
        """Fill `out` with a region and return the bytes read, gaps that were thrown away included."""
        check_block(self._header, region, out)
        if 0 in out.shape:
            return 0
        cuts = iter(region)
        # of every axis of the source: the places of what is taken of it
        places = tuple(next(cuts) if cut.is_kept else (0, 1) for cut in self._cuts)
        return self._read(places, out[tuple(slice(None) if cut.is_kept else None for cut in self._cuts)])

    def _read(self, places: Region, out: NDArray[Any]) -> int:
        """Fill `out`, which has all axes of the source."""
        moved, direct = 0, []
        for part, piece in self._parts(places, out):
            steps = self._steps(piece)
            forward = _sliced(piece, [-1 if step < 0 else 1 for step in steps])
            if all(abs(step) == 1 for step in steps):
                direct.append((self._cover(part), forward))
                if len(direct) == MOST_AT_ONCE:
                    moved, direct = moved + self._read_many(direct), []
                continue
            scratch = self._staging(self._cover(part), out.dtype)
            moved += self._reader.read(self._cover(part), scratch)
            forward[...] = _sliced(scratch, [abs(step) for step in steps])
        return moved + self._read_many(direct)

    def _read_many(self, parts: list[tuple[Region, NDArray[Any]]]) -> int:
        """Read regions of the source, all at once where that saves waiting."""
        read_many = getattr(self._reader, "read_many", None)
        moved: int = read_many(parts) if read_many is not None else sum(self._reader.read(*part) for part in parts)
        return moved

    def _parts(self, places: Region, out: NDArray[Any]) -> Iterator[tuple[Region, NDArray[Any]]]:
        """Yield places with their part of `out`: without gaps, or with gaps that are read and thrown away."""
        steps, cover = self._steps(out), self._cover(places)
        axis = None if all(abs(step) == 1 for step in steps) else self._split_axis(steps, cover)
        if axis is None:
            yield places, out
            return
        start, stop = places[axis]
        is_far = (abs(steps[axis]) - 1) * self._strides[axis] > self._gap_bytes
        length = 1 if is_far else (stop - start + 1) // 2
        for first in range(start, stop, length):
            inner = (*places[:axis], (first, min(first + length, stop)), *places[axis + 1 :])
            yield from self._parts(inner, view_of(out, inner, origin=places))

    def _steps(self, out: NDArray[Any]) -> list[int]:
        """Return the steps of what fills `out`, which has all axes of the source; 1 where there is one place."""
        return [cut.step if n > 1 else 1 for cut, n in zip(self._cuts, out.shape, strict=True)]

    def _split_axis(self, steps: list[int], cover: Region) -> int | None:
        """Return the axis along which a read is to be split; None where all of its cover is read at once."""
        far = [a for a, step in enumerate(steps) if (abs(step) - 1) * self._strides[a] > self._gap_bytes]
        if far:
            return max(far, key=lambda a: self._strides[a])
        itemsize = self._header.dtype.itemsize
        if math.prod(region_shape(cover)) * itemsize <= SCRATCH_BYTES:
            return None
        longer = [a for a, (start, stop) in enumerate(cover) if stop - start > 1]
        return max(longer, key=lambda a: self._strides[a])

    def _cover(self, places: Region) -> Region:
        return tuple(cut.bounds(*place) for cut, place in zip(self._cuts, places, strict=True))

    def _staging(self, cover: Region, dtype: np.dtype[Any]) -> NDArray[Any]:
        """Return room for a cover, in the memory order of the source."""
        if self._scratch is None:
            self._scratch = np.empty(SCRATCH_BYTES, np.uint8)
        shape = region_shape(cover)
        flat = self._scratch[: math.prod(shape) * dtype.itemsize].view(dtype)
        return flat.reshape(shape, order=self._source.order)

    def view(self, region: Region, *, is_kept: bool = False) -> NDArray[Any] | None:
        """Return a read-only view of a region, or None where it is to be read.

        What is looked at many times is read where it has gaps: they would be brought into memory too.
        """
        cuts, bounds = self._cuts, iter(region)
        places = tuple(next(bounds) if cut.is_kept else (0, 1) for cut in cuts)
        has_gaps = any(abs(cut.step) > 1 and stop - start > 1 for cut, (start, stop) in zip(cuts, places, strict=True))
        if (is_kept and has_gaps) or any(start == stop for start, stop in places):
            return None
        view = self._reader.view(self._cover(places), is_kept=is_kept)
        if view is None:
            return None
        index = tuple(slice(None, None, cut.step) if cut.is_kept else 0 for cut in cuts)
        selected: NDArray[Any] = view[(*index, ...)]
        return selected

    def expect(self, region: Region) -> None:
        """Say which region will be wanted next, where it has no gaps."""
        bounds = iter(region)
        places = tuple(next(bounds) if cut.is_kept else (0, 1) for cut in self._cuts)
        if all(abs(cut.step) == 1 for cut in self._cuts) and all(start < stop for start, stop in places):
            self._reader.expect(self._cover(places))


def _sliced(array: NDArray[Any], steps: list[int]) -> NDArray[Any]:
    """Return a view of every so many elements of each axis."""
    index: tuple[Any, ...] = (*(slice(None, None, step) for step in steps), ...)
    view: NDArray[Any] = array[index]
    return view
