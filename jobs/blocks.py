"""Blocks of an array: regions, grids and chunk shapes. Integers only: no array is ever touched here.

A *region* is one ``(start, stop)`` pair per axis. A *grid* cuts a shape into blocks of one chunk shape, numbered in C
order; only the last block of an axis may be short.

::

    shape (5, 4), chunks (2, 3)        block 0 | block 1
                                       --------+--------
                                       block 2 | block 3
                                       --------+--------
                                       block 4 | block 5      block 5 = ((4, 5), (3, 4))
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Literal, TypeAlias

__all__ = [
    "Grid",
    "Region",
    "Shape",
    "as_slices",
    "broadcast_region",
    "ceil_div",
    "even_chunk",
    "merged_ranges",
    "offset_region",
    "region_shape",
    "row_major_chunks",
    "serpentine",
    "whole_region",
]

Shape: TypeAlias = tuple[int, ...]
Region: TypeAlias = tuple[tuple[int, int], ...]


def ceil_div(numerator: int, denominator: int) -> int:
    """Return the quotient rounded up.

    >>> ceil_div(7, 2)
    4
    """
    return -(-numerator // denominator)


def region_shape(region: Region) -> Shape:
    """Return the shape of a region.

    >>> region_shape(((2, 5), (0, 4)))
    (3, 4)
    """
    return tuple(stop - start for start, stop in region)


def whole_region(shape: Shape) -> Region:
    """Return the region that covers a whole shape.

    >>> whole_region((3, 4))
    ((0, 3), (0, 4))
    """
    return tuple((0, n) for n in shape)


def as_slices(region: Region) -> tuple[slice, ...]:
    """Return a region as slices, to index an array with.

    >>> as_slices(((2, 5), (0, 4)))
    (slice(2, 5, None), slice(0, 4, None))
    """
    return tuple(slice(start, stop) for start, stop in region)


def offset_region(region: Region, origin: Sequence[int]) -> Region:
    """Return a region moved by `origin`.

    >>> offset_region(((0, 2), (1, 3)), (10, 20))
    ((10, 12), (21, 23))
    """
    return tuple((start + o, stop + o) for (start, stop), o in zip(region, origin, strict=True))


def broadcast_region(region: Region, shape: Shape) -> Region:
    """Return the region of an operand of `shape` that NumPy's broadcasting pairs with a region of the result.

    >>> broadcast_region(((2, 5), (0, 4)), (1, 4))
    ((0, 1), (0, 4))
    >>> broadcast_region(((2, 5), (0, 4)), (4,))
    ((0, 4),)
    """
    tail = region[len(region) - len(shape) :]
    return tuple((0, 1) if n == 1 else bounds for n, bounds in zip(shape, tail, strict=True))


def merged_ranges(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return ranges in order, with those that touch made one and empty ones left out.

    >>> merged_ranges([(5, 6), (0, 2), (1, 3), (3, 3), (6, 8)])
    [(0, 3), (5, 8)]
    """
    merged: list[tuple[int, int]] = []
    for start, stop in sorted(bounds for bounds in ranges if bounds[0] < bounds[1]):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], stop))
        else:
            merged.append((start, stop))
    return merged


def even_chunk(length: int, largest: int, *, multiple: int = 1) -> int:
    """Return a chunk length of at most `largest` that cuts `length` into nearly equal parts.

    The chunk is rounded up to a `multiple` where one fits under `largest`.

    >>> even_chunk(1001, 1000)
    501
    >>> even_chunk(1001, 1000, multiple=128)
    512
    """
    if length <= largest:
        return max(length, 1)
    chunk = ceil_div(length, ceil_div(length, largest))
    rounded = ceil_div(chunk, multiple) * multiple
    return rounded if rounded <= largest else max(largest // multiple * multiple, 1) if largest >= multiple else chunk


def row_major_chunks(shape: Shape, largest: int, *, multiple: int = 1, run: int = 1) -> Shape:
    """Return the chunk shape of at most `largest` elements whose blocks are contiguous in C order.

    Trailing axes are taken whole while they fit; the first axis that does not is cut into nearly equal parts (of a
    `multiple` of rows and whole runs of `run` elements, where that fits); axes before it get length 1.

    >>> row_major_chunks((1000, 3, 4), 120)
    (10, 3, 4)
    >>> row_major_chunks((2, 1000), 100)
    (1, 100)
    >>> row_major_chunks((1000, 6), 100, run=8)
    (16, 6)
    """
    chunks = [1] * len(shape)
    inner = 1
    for axis in reversed(range(len(shape))):
        length = max(shape[axis], 1)
        if inner * length > largest:
            step = math.lcm(multiple, run // math.gcd(run, inner))
            chunks[axis] = even_chunk(length, max(largest // inner, 1), multiple=step)
            break
        chunks[axis] = length
        inner *= length
    return tuple(chunks)


def serpentine(n_rows: int, n_columns: int, order: Literal["rows", "columns"] = "rows") -> list[tuple[int, int]]:
    """Return all places of a table, row by row (column by column), every second one backwards.

    >>> serpentine(2, 3)
    [(0, 0), (0, 1), (0, 2), (1, 2), (1, 1), (1, 0)]
    >>> serpentine(2, 2, "columns")
    [(0, 0), (1, 0), (1, 1), (0, 1)]
    """
    if order == "columns":
        return [(row, column) for column, row in serpentine(n_columns, n_rows)]
    return [(row, j if row % 2 == 0 else n_columns - 1 - j) for row in range(n_rows) for j in range(n_columns)]


@dataclass(frozen=True, slots=True)
class Grid:
    """A shape cut into blocks of one chunk shape, numbered in C order.

    Parameters
    ----------
    shape : tuple of int
        The shape that is cut. A zero axis gives a grid without blocks; shape ``()`` gives one block.
    chunks : tuple of int
        The shape of a whole block, at least 1 along every axis.

    Examples
    --------
    >>> grid = Grid((5, 4), (2, 3))
    >>> grid.n_blocks, grid.region(5)
    (6, ((4, 5), (3, 4)))
    """

    shape: Shape
    chunks: Shape

    @property
    def counts(self) -> Shape:
        """Number of blocks along each axis."""
        return tuple(ceil_div(n, c) for n, c in zip(self.shape, self.chunks, strict=True))

    @property
    def n_blocks(self) -> int:
        """Number of blocks."""
        return math.prod(self.counts)

    def position(self, index: int) -> Shape:
        """Return the coordinates of block `index` among the blocks."""
        coordinates = []
        for count in reversed(self.counts):
            index, coordinate = divmod(index, count)
            coordinates.append(coordinate)
        return tuple(reversed(coordinates))

    def region(self, index: int) -> Region:
        """Return the region of block `index`."""
        return self._region_at(self.position(index))

    def regions(self) -> Iterator[Region]:
        """Yield the region of every block, in block order."""
        return (self._region_at(position) for position in product(*map(range, self.counts)))

    def _region_at(self, position: Shape) -> Region:
        return tuple((p * c, min((p + 1) * c, n)) for p, c, n in zip(position, self.chunks, self.shape, strict=True))
