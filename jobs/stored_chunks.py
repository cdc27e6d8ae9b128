"""Blocks whose edges are the edges of the chunks that an input is stored in, so that each chunk is unpacked once.

A chunk is unpacked whole, and a reader keeps a row of chunks for the pieces that share it. A block that is as wide as
the array shares too long a row: it is unpacked again for every few rows. Narrower blocks of whole chunks are read as
they lie::

    +----+----+----+----+        chunks 2 x 4 of an array 6 x 16; a reader may hold two of them
    |    1    |    2    |        block 1: columns 0 to 8, as many rows as a block may have
    +----+----+----+----+
    |         |         |
    +----+----+----+----+

Integers only: a pure function of shape, dtype, chunks and limits.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from .blocks import Shape, ceil_div, even_chunk, row_major_chunks
from .headers import ArrayHeader

__all__ = ["aligned_chunks", "holds_row", "reduced_chunks", "stored_chunks"]

_LONGEST_COLUMN = 4
"""Times the usual block that one column of chunks may be, so that it is whole and needs no partials."""


def stored_chunks(headers: Sequence[ArrayHeader], shape: Shape, *, reverse: bool = False) -> ArrayHeader | None:
    """Return the header of the largest input of a shape that is stored in chunks, None if there is none.

    Parameters
    ----------
    headers : sequence of ArrayHeader
    shape : tuple of int
        Others are broadcast or turned: blocks of theirs are not blocks of the result.
    reverse : bool
        `shape` is that of the reversed axes, and so is what is returned.
    """
    found = [header.T if reverse else header for header in headers if header.chunks]
    found = [header for header in found if header.shape == shape and len(header.chunks) == len(shape)]
    return max(found, key=lambda header: header.nbytes, default=None)


def holds_row(header: ArrayHeader) -> bool:
    """Return whether a reader keeps a row of chunks that is as wide as the array.

    >>> import numpy as np
    >>> header = ArrayHeader("x", (100, 1000), np.dtype("f8"), reader_bytes=80_000, chunks=(10, 10))
    >>> holds_row(header)
    True
    """
    return _chunk_of(header)[0] * math.prod(header.shape[1:]) * header.dtype.itemsize <= header.reader_bytes


def _chunk_of(header: ArrayHeader) -> Shape:
    """Return the shape of a chunk: stores may say more than the array has."""
    return tuple(max(min(c, n), 1) for c, n in zip(header.chunks, header.shape, strict=True))


def aligned_chunks(header: ArrayHeader, largest: int) -> Shape | None:
    """Return the chunk shape of blocks of at most `largest` elements, made of whole chunks; None where not one fits.

    Parameters
    ----------
    header : ArrayHeader
        Of an array that is stored in chunks, of which a reader may keep `reader_bytes`.
    largest : int

    Examples
    --------
    >>> import numpy as np
    >>> header = ArrayHeader("x", (60, 1000), np.dtype("f8"), reader_bytes=16_000, chunks=(10, 100))
    >>> aligned_chunks(header, 5000), aligned_chunks(header, 999)
    ((20, 200), None)
    """
    shape, stored = header.shape, _chunk_of(header)
    one = math.prod(stored)
    held = min(largest, header.reader_bytes // header.dtype.itemsize)
    if not shape or one > held:
        return None
    counts = tuple(ceil_div(n, c) for n, c in zip(shape[1:], stored[1:], strict=True))
    columns = row_major_chunks(counts, held // one)
    beside = tuple(min(count * c, n) for count, c, n in zip(columns, stored[1:], shape[1:], strict=True))
    return even_chunk(shape[0], largest // math.prod(beside), multiple=stored[0]), *beside


def reduced_chunks(header: ArrayHeader, axes: Sequence[int], largest: int, *, most_kept: int) -> Shape | None:
    """Return the chunk shape of blocks that are reduced along `axes`, None where those of a file without chunks do.

    Those do where a row of chunks as wide as the array is kept, so that the bits of an answer depend on chunks only
    where it takes many times as long not to.

    Parameters
    ----------
    header : ArrayHeader
    axes : sequence of int
    largest : int
        Elements of a block.
    most_kept : int
        Elements along the other axes of a block that is not whole along `axes`: of what it is reduced to.

    Examples
    --------
    >>> import numpy as np
    >>> header = ArrayHeader("x", (60, 1000), np.dtype("f8"), reader_bytes=16_000, chunks=(10, 100))
    >>> reduced_chunks(header, (0,), 5000, most_kept=200), reduced_chunks(header, (0,), 5000, most_kept=100)
    ((20, 200), (60, 100))
    """
    if not header.chunks or holds_row(header):
        return None
    for chunks in (aligned_chunks(header, largest), _column(header, axes, largest)):
        if chunks is None:
            return None
        if all(chunks[axis] == header.shape[axis] for axis in axes):
            return chunks
        kept = math.prod(n for axis, n in enumerate(chunks) if axis not in axes)
        # pieces are as wide as what is kept: they share as many chunks
        shared = kept * math.prod(_chunk_of(header)[axis] for axis in axes)
        if kept <= most_kept and shared * header.dtype.itemsize <= header.reader_bytes:
            return chunks
    return None


def _column(header: ArrayHeader, axes: Sequence[int], largest: int) -> Shape | None:
    """Return blocks one chunk wide along the axes that are kept, and long along the others: a row of it is kept."""
    chunks = list(_chunk_of(header))
    held = header.reader_bytes // header.dtype.itemsize
    if math.prod(chunks) > min(largest, held):
        return None
    for axis in sorted(axes, reverse=True):
        room = (min(largest, held) if axis else _LONGEST_COLUMN * largest) // math.prod(chunks)
        chunks[axis] = min(chunks[axis] * room, header.shape[axis])
    return tuple(chunks)
