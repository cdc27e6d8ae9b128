"""Views of regions of an open ``.npy`` file: which regions have one, and which pages they need."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from typing import Any

from numpy.typing import NDArray

from ...blocks import Region, region_shape
from ...headers import ArrayHeader
from ..maps import MappedFile, is_mappable, map_file, reads_far_ahead
from ..runs import Piece, cut
from ..source import view_of

__all__ = ["NpyViews"]

VIEW_BYTES = 64 * 1024
"""Smaller regions are read: a view of a few pages costs more calls than copying them."""

VIEW_RUN_BYTES = 4 * 1024
"""Regions of shorter runs are read: a view would bring in whole pages for the sake of a few elements."""

_WORTH_A_RUN = 4
"""Runs that are a quarter of the distance between them come in with all that lies there, in one call."""


class NpyViews:
    """Views of an open file.

    Parameters
    ----------
    descriptor : int
        The open file; closed by who opened it.
    header : ArrayHeader
    data_offset : int
        Position of the first element in the file, in bytes.
    device : int
        ``st_dev`` of the file, whose system decides whether there are views.
    """

    __slots__ = ("_data_offset", "_descriptor", "_has_views", "_header", "_mapped", "gain_by_asking")

    def __init__(self, descriptor: int, header: ArrayHeader, data_offset: int, device: int) -> None:
        self._descriptor, self._header, self._data_offset = descriptor, header, data_offset
        is_aligned = data_offset % header.dtype.alignment == 0
        self._has_views = header.dtype.isnative and is_aligned and header.nbytes >= VIEW_BYTES and is_mappable(device)
        self._mapped: MappedFile | None = None
        self.gain_by_asking = not reads_far_ahead(device)

    def view(self, region: Region, *, is_kept: bool) -> NDArray[Any] | None:
        """Return a read-only view of a region, or None where it is to be read.

        Parameters
        ----------
        region : Region
        is_kept : bool
            It will be looked at many times: all of it is brought into memory now.

        Raises
        ------
        OSError
            If the file ends early (EFAULT) or its disk fails.
        """
        if not self._has_views or self._header.dtype.itemsize * math.prod(region_shape(region)) < VIEW_BYTES:
            return None
        if next(self._pieces(region)).run < VIEW_RUN_BYTES:
            return None
        if self._mapped is None:
            self._mapped = map_file(self._descriptor, self._data_offset + self._header.nbytes)
        if is_kept:
            for start, stop in self.pages(region):
                self._mapped.populate(start, stop)
        else:
            # its pages come as they are looked at: threads that populate wait for one another
            self._mapped.check()
        shape = self._header.shape if self._header.order == "C" else self._header.shape[::-1]
        array = self._mapped.array(self._data_offset, self._header.dtype, shape)
        return view_of(array if self._header.order == "C" else array.T, region)

    def pages(self, region: Region) -> Iterator[tuple[int, int]]:
        """Yield the bytes that a region needs in memory: its runs, or with what lies between where that is little."""
        for piece in self._pieces(region):
            first = piece.offset + self._data_offset
            if piece.count == 1 or piece.run * _WORTH_A_RUN >= piece.step:
                yield first, first + piece.span
                continue
            for number in range(piece.count):
                start = first + number * piece.step
                yield start, start + piece.run

    def _pieces(self, region: Region) -> Iterator[Piece]:
        shape, itemsize = self._header.shape, self._header.dtype.itemsize
        if self._header.order == "F":
            shape, region = shape[::-1], region[::-1]
        return cut(shape, itemsize, region, gap_bytes=0, limit_bytes=sys.maxsize, direct=True)
