"""Checksums of blocks as they are written and as the file holds them: by these a finished block is believed.

A block's checksum is the CRC-32 of its elements in the dtype, byte order and memory order of the file, over all that
was written of the block, in the order of writing. It does not depend on whether the array or its transpose is named.

References
----------
W. W. Peterson and D. T. Brown, "Cyclic Codes for Error Detection", Proceedings of the IRE 49 (1961), 228-235.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..blocks import Grid, Region, Shape, offset_region, region_shape, row_major_chunks
from ..headers import ArrayHeader
from .source import Target, Writer, view_of
from .transfer import byte_view, contiguous_bytes, rows_of

__all__ = ["SummingWriter", "block_checksum", "checksum"]

PIECE_BYTES = 1 << 20
"""Converted, or read back, at once: small enough to stay in the cache of a core."""

DIRECT_BYTES = 4 * 1024
"""Contiguous runs from this length on are summed where they are."""


def checksum(block: NDArray[Any], header: ArrayHeader, crc: int = 0) -> int:
    """Return the checksum of a block, which continues `crc`.

    Parameters
    ----------
    block : ndarray
        Any layout; the header's dtype in any byte order.
    header : ArrayHeader
        Of the target that it is written to.
    crc : int
        Of what was written before of the same block.

    Notes
    -----
    A block in the file's own layout is not copied, and any other in parts of 1 MiB. The lock of the interpreter is
    free meanwhile.

    Examples
    --------
    >>> header = ArrayHeader("y.npy", (2, 3), np.dtype(">i2"))
    >>> block = np.arange(6, dtype="<i2").reshape(2, 3)
    >>> checksum(block, header) == zlib.crc32(block.astype(">i2").tobytes())
    True
    """
    if header.order == "F":
        block = block.T
    if block.dtype == header.dtype and contiguous_bytes(block) >= min(DIRECT_BYTES, block.nbytes):
        for row in rows_of(block):
            crc = zlib.crc32(row, crc)
        return crc
    scratch = np.empty(min(block.size, max(PIECE_BYTES // header.dtype.itemsize, 1)), header.dtype)
    for region in _pieces(block.shape, scratch.size):
        piece = view_of(block, region)
        packed = scratch[: piece.size].reshape(piece.shape)
        packed[...] = piece
        crc = zlib.crc32(byte_view(packed), crc)
    return crc


def block_checksum(target: Target, regions: Iterable[Region]) -> int:
    """Return the checksum of regions as the target holds them now: that of a block, if they are what it wrote.

    Parameters
    ----------
    target : Target
        Not published yet; it is opened for reading.
    regions : iterable of Region
        In the order in which the block wrote them.

    Raises
    ------
    JobError
        If the file is gone, is not the one that the driver created, or cannot be read.

    Examples
    --------
    >>> from .memory import MemoryTarget
    >>> target = MemoryTarget(np.arange(6.0).reshape(2, 3))
    >>> block_checksum(target, [((1, 2), (0, 3)), ((0, 1), (0, 3))]) == checksum(target.array[::-1], target.header)
    True
    """
    if target.header.order == "F":
        # the transpose is what lies in C order
        target, regions = target.T, (region[::-1] for region in regions)
    header, crc = target.header, 0
    scratch = np.empty(max(PIECE_BYTES // header.dtype.itemsize, 1), header.dtype)
    with target.reader() as reader:
        for region in regions:
            origin = [start for start, _ in region]
            for inner in _pieces(region_shape(region), scratch.size):
                piece = scratch[: math.prod(region_shape(inner))].reshape(region_shape(inner))
                reader.read(offset_region(inner, origin), piece)
                crc = zlib.crc32(byte_view(piece), crc)
    return crc


def _pieces(shape: Shape, largest: int) -> Iterator[Region]:
    """Yield the regions of a shape, of at most `largest` elements each, that follow one another in C order."""
    return Grid(shape, row_major_chunks(shape, largest)).regions()


class SummingWriter:
    """A writer that keeps the checksum of all that it is given, in `crc`.

    Parameters
    ----------
    writer : Writer
    header : ArrayHeader
        Of the target that the writer was opened on.

    Examples
    --------
    >>> from .memory import MemoryTarget
    >>> target = MemoryTarget(np.zeros((2, 3)))
    >>> with target.open() as opened:
    ...     writer = SummingWriter(opened, target.header)
    ...     _ = writer.write(((1, 2), (0, 3)), np.ones((1, 3)))
    >>> writer.crc == block_checksum(target, [((1, 2), (0, 3))])
    True
    """

    __slots__ = ("_header", "_writer", "crc")

    def __init__(self, writer: Writer, header: ArrayHeader) -> None:
        self.crc = 0
        self._writer = writer
        self._header = header

    def write(self, region: Region, block: NDArray[Any]) -> int:
        """Write `block` to its region and return the bytes written."""
        n_bytes = self._writer.write(region, block)
        self.crc = checksum(block, self._header, self.crc)
        return n_bytes
