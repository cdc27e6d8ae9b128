"""Regions of arrays that are stored in chunks, each of which is unpacked whole: once for as long as it is of use.

::

    chunks      |........|........|........|          a region is split where chunks end, so that each load covers
    region           ^^^^^^^^^^^^^^^^                 whole chunks, as many as may be kept or a single one; what is
    loads       |........|........:........|          loaded beyond the region is kept for the next one

Jobs read a block piece by piece, some rows at a time: without what is kept, the chunks that two pieces share would be
unpacked twice. A row of chunks is kept if it is not too large (`kept_bytes`), and counted with a task's memory.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..blocks import Region, Shape, region_shape
from ..headers import ArrayHeader
from .source import check_block, view_of

__all__ = ["ChunkedReader", "format_region", "kept_bytes"]

LOAD_BYTES = 32 * 2**20
"""Unpacked at once, and kept, at least: some chunks of common sizes (1 to 16 MiB)."""

MOST_KEPT_BYTES = 256 * 2**20
"""Rows of chunks that take more are unpacked again for each piece."""


class ChunkedReader:
    """An open array of chunks. One thread at a time.

    Parameters
    ----------
    header : ArrayHeader
        Its `reader_bytes` may be kept.
    chunks : tuple of int
        Shape of a chunk, in the stored order of the axes.
    load : callable
        Fills a C-contiguous array of the stored or the native byte order with a region, both in the stored order of
        the axes.
    is_reversed : bool
        The header's axes are those that are stored, reversed.
    """

    __slots__ = ("_chunks", "_header", "_is_reversed", "_kept", "_kept_region", "_limit_bytes", "_load", "_shape")

    def __init__(
        self,
        header: ArrayHeader,
        chunks: Shape,
        load: Callable[[Region, NDArray[Any]], None],
        *,
        is_reversed: bool = False,
    ) -> None:
        self._header, self._chunks, self._load, self._is_reversed = header, chunks, load, is_reversed
        self._limit_bytes = header.reader_bytes or LOAD_BYTES
        self._shape = header.shape[::-1] if is_reversed else header.shape
        self._kept: NDArray[Any] | None = None
        self._kept_region: Region = ()

    def view(self, region: Region, *, is_kept: bool = False) -> None:
        """Return None: chunks are read."""

    def expect(self, region: Region) -> None:
        """Return: chunks are loaded when they are read."""

    def read(self, region: Region, out: NDArray[Any]) -> int:
        """Fill `out` with a region and return the bytes that were unpacked.

        Raises
        ------
        InputError
            If a chunk is broken or cannot be read.
        ValueError, TypeError
            If `out` cannot hold the region.
        """
        check_block(self._header, region, out)
        if 0 in out.shape:
            return 0
        if self._is_reversed:
            region, out = region[::-1], out.T
        return sum(self._read(part, view_of(out, part, origin=region)) for part in self._parts(region))

    def _read(self, part: Region, out: NDArray[Any]) -> int:
        if not self._has(part):
            cover = self._cover(part)
            if cover == part and out.flags.c_contiguous:
                self._load(cover, out)
                return out.nbytes
            self._keep(cover)
            moved = self._kept.nbytes if self._kept is not None else 0
        else:
            moved = 0
        assert self._kept is not None
        out[...] = view_of(self._kept, part, origin=self._kept_region)
        if all(stop == n for (_, stop), n in zip(part, self._shape, strict=True)):
            # the last element: whoever reads on reads another of several that are joined
            self._kept, self._kept_region = None, ()
        return moved

    def _keep(self, cover: Region) -> None:
        shape = region_shape(cover)
        if self._kept is None or self._kept.shape != shape:
            self._kept = None
            self._kept = np.empty(shape, self._header.dtype.newbyteorder("="))
        # not what it was if the load fails
        self._kept_region = ()
        self._load(cover, self._kept)
        self._kept_region = cover

    def _has(self, part: Region) -> bool:
        if self._kept is None or len(self._kept_region) != len(part):
            return False
        kept = zip(part, self._kept_region, strict=True)
        return all(low <= start and stop <= high for (start, stop), (low, high) in kept)

    def _cover(self, region: Region) -> Region:
        """Return the whole chunks that hold a region."""
        axes = zip(region, self._chunks, self._shape, strict=True)
        return tuple((start - start % c, min(-(-stop // c) * c, n)) for (start, stop), c, n in axes)

    def _parts(self, region: Region) -> Iterator[Region]:
        """Yield what makes up a region: first what is kept of it, then what covers whole chunks."""
        if region and self._kept is not None and self._kept_region:
            (start, stop), (low, high) = region[0], self._kept_region[0]
            head: Region = ((start, min(stop, high)), *region[1:])
            if low <= start < high and self._has(head):
                yield head
                if stop <= high:
                    return
                region = ((high, stop), *region[1:])
        yield from self._split(region)

    def _split(self, region: Region) -> Iterator[Region]:
        extents = region_shape(self._cover(region))
        n_bytes = math.prod(extents) * self._header.dtype.itemsize
        axis = next((a for a, (n, c) in enumerate(zip(extents, self._chunks, strict=True)) if n > c), None)
        if n_bytes <= self._limit_bytes or axis is None:
            yield region
            return
        chunk = self._chunks[axis]
        length = max(self._limit_bytes * extents[axis] // n_bytes // chunk, 1) * chunk
        start, stop = region[axis]
        for first in range(start - start % chunk, stop, length):
            part = (max(first, start), min(first + length, stop))
            yield from self._split((*region[:axis], part, *region[axis + 1 :]))


def kept_bytes(shape: Shape, itemsize: int, chunks: Shape) -> int:
    """Return how much of an array its reader may keep: a row of chunks, or some of them.

    >>> kept_bytes((10_000, 1000), 8, (1000, 100)) == 32 * 2**20, kept_bytes((10_000, 10_000), 8, (1000, 100))
    (True, 80000000)
    """
    whole = math.prod(shape) * itemsize
    row = whole // shape[0] * min(chunks[0], shape[0]) if whole and shape else whole
    chunk = math.prod(chunks) * itemsize
    return min(max(LOAD_BYTES, chunk, row if row <= MOST_KEPT_BYTES else 0), whole)


def format_region(region: Region) -> str:
    """Return a region as NumPy's slices, for messages.

    >>> format_region(((0, 100), (50, 60)))
    '[0:100, 50:60]'
    """
    return f"[{', '.join(f'{start}:{stop}' for start, stop in region)}]"
