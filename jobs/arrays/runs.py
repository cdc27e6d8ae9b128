"""Where the bytes of a region lie in a file: contiguous runs, and what to read or write in one go. Integers only.

Shapes and regions here are in memory order: the last axis is the contiguous one. ``#`` is wanted, ``.`` is not:

::

    shape (4, 8), region ((1, 3), (2, 5))      . . . . . . . .
                                               . . # # # . . .     two runs of 3 elements, 8 elements apart
                                               . . # # # . . .
                                               . . . . . . . .

A region becomes pieces of three kinds: a *run* is contiguous; a *cover* has gaps so small that reading them costs less
than another call; *rows* are evenly spaced runs, far apart, each worth a call of its own.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from ..blocks import Region, Shape, region_shape

__all__ = ["Piece", "byte_strides", "cut"]


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a region that is read or written in one go.

    Parameters
    ----------
    region : tuple of (start, stop)
        In the coordinates of the array.
    kind : {"run", "cover", "rows"}
    offset : int
        First byte, counted from the first byte of the array.
    span : int
        Bytes from the first to the last element, gaps included.
    run : int
        Bytes of one contiguous run.
    count : int
        Number of runs.
    step : int
        Bytes from the start of one of the rows to the start of the next.
    """

    region: Region
    kind: Literal["run", "cover", "rows"]
    offset: int
    span: int
    run: int
    count: int
    step: int = 0


def byte_strides(shape: Shape, itemsize: int) -> Shape:
    """Return the strides of a contiguous array in memory order, in bytes.

    >>> byte_strides((4, 8), 2)
    (16, 2)
    """
    strides: list[int] = []
    for n in reversed(shape):
        strides.append(itemsize)
        itemsize *= n
    return tuple(reversed(strides))


def cut(
    shape: Shape, itemsize: int, region: Region, *, gap_bytes: int, limit_bytes: int, direct: bool
) -> Iterator[Piece]:
    """Yield the pieces that make up a region, in memory order.

    Parameters
    ----------
    shape : tuple of int
        The array's, in memory order.
    itemsize : int
        Bytes of an element.
    region : tuple of (start, stop)
    gap_bytes : int
        The largest mean gap between runs that is worth reading. 0: no covers.
    limit_bytes : int
        The largest span of a cover.
    direct : bool
        True: runs and rows go straight to their place and may be of any size. False: they pass through a scratch of
        `limit_bytes` too.

    Examples
    --------
    >>> [p.kind for p in cut((4, 8), 1, ((1, 3), (2, 5)), gap_bytes=5, limit_bytes=64, direct=True)]
    ['cover']
    >>> [(p.kind, p.count, p.step) for p in cut((4, 8), 1, ((1, 3), (2, 5)), gap_bytes=4, limit_bytes=64, direct=True)]
    [('rows', 2, 8)]
    >>> [p.region for p in cut((4, 8), 1, ((1, 3), (0, 8)), gap_bytes=5, limit_bytes=8, direct=False)]
    [((1, 2), (0, 8)), ((2, 3), (0, 8))]
    """
    if math.prod(region_shape(region)) == 0:
        return
    piece = _measure(shape, itemsize, region, gap_bytes)
    axis = next((axis for axis, (start, stop) in enumerate(region) if stop - start > 1), 0)
    bytes_each = byte_strides(shape, itemsize)[axis] if shape else itemsize
    if piece.kind == "run":
        fits = direct or piece.run <= limit_bytes
    elif piece.kind == "cover":
        fits = piece.span <= limit_bytes
    elif piece.step:
        fits, bytes_each = direct or piece.count * piece.run <= limit_bytes, piece.run
    else:
        fits, bytes_each = False, limit_bytes
    if fits:
        yield piece
        return
    length = max(limit_bytes // bytes_each, 1)
    for part in _parts(region, axis, length):
        yield from cut(shape, itemsize, part, gap_bytes=gap_bytes, limit_bytes=limit_bytes, direct=direct)


def _parts(region: Region, axis: int, length: int) -> Iterator[Region]:
    start, stop = region[axis]
    for first in range(start, stop, length):
        yield (*region[:axis], (first, min(first + length, stop)), *region[axis + 1 :])


def _measure(shape: Shape, itemsize: int, region: Region, gap_bytes: int) -> Piece:
    """Return a region as one piece. Rows with no step have more than one outer axis: they must be cut further."""
    extents, strides = region_shape(region), byte_strides(shape, itemsize)
    offset = sum(start * stride for (start, _), stride in zip(region, strides, strict=True))
    span = sum((n - 1) * stride for n, stride in zip(extents, strides, strict=True)) + itemsize
    axis = _run_axis(shape, extents)
    run, count = math.prod(extents[axis:]) * itemsize, math.prod(extents[:axis])
    if count == 1:
        return Piece(region, "run", offset, span, run, count)
    if span - count * run <= gap_bytes * (count - 1):
        return Piece(region, "cover", offset, span, run, count)
    outer = [stride for n, stride in zip(extents[:axis], strides[:axis], strict=True) if n > 1]
    return Piece(region, "rows", offset, span, run, count, outer[0] if len(outer) == 1 else 0)


def _run_axis(shape: Shape, extents: Shape) -> int:
    """Return the first axis of the contiguous runs: every axis after it is whole."""
    axis = len(shape)
    while axis > 0 and extents[axis:] == shape[axis:]:
        axis -= 1
    return axis
