"""Ranges of the elements of an array, counted in C order: which regions they are. Integers only.

::

    shape (4, 5), elements 3 to 17     . . . # #
                                       # # # # #      three regions: the end of a row,
                                       # # # # #      whole rows, the beginning of a row
                                       # # . . .
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from .blocks import Region, Shape, whole_region

__all__ = ["range_cover", "range_regions"]


def range_regions(shape: Shape, start: int, stop: int) -> Iterator[Region]:
    """Yield the fewest regions that together are a range of elements, in its order.

    Parameters
    ----------
    shape : tuple of int
    start, stop : int
        Within the elements of the shape.

    Examples
    --------
    >>> list(range_regions((4, 5), 3, 17))
    [((0, 1), (3, 5)), ((1, 3), (0, 5)), ((3, 4), (0, 2))]
    >>> list(range_regions((2, 3, 4), 4, 12))
    [((0, 1), (1, 3), (0, 4))]
    """
    if start >= stop:
        return
    if not shape:
        yield ()
        return
    row, first = divmod(start, math.prod(shape[1:]))
    last_row, end = divmod(stop, math.prod(shape[1:]))
    if row == last_row:
        yield from _in_row(shape, row, first, end)
        return
    if first:
        yield from _in_row(shape, row, first, math.prod(shape[1:]))
        row += 1
    if row < last_row:
        yield ((row, last_row), *whole_region(shape[1:]))
    yield from _in_row(shape, last_row, 0, end)


def _in_row(shape: Shape, row: int, start: int, stop: int) -> Iterator[Region]:
    for region in range_regions(shape[1:], start, stop):
        yield ((row, row + 1), *region)


def range_cover(shape: Shape, start: int, stop: int) -> Region:
    """Return one region that holds a range of elements: as many leading axes as all of them share stay narrow.

    Parameters
    ----------
    shape : tuple of int
    start, stop : int
        Within the elements of the shape.

    Examples
    --------
    >>> range_cover((4, 5), 3, 17), range_cover((4, 5), 6, 8)
    (((0, 4), (0, 5)), ((1, 2), (1, 3)))
    """
    if start >= stop:
        return tuple((0, 0) for _ in shape)
    first, last = start, stop - 1
    bounds: list[tuple[int, int]] = []
    for axis in range(len(shape)):
        inner = math.prod(shape[axis + 1 :])
        (low, first), (high, last) = divmod(first, inner), divmod(last, inner)
        bounds.append((low, high + 1))
        if low != high:
            return (*bounds, *whole_region(shape[axis + 1 :]))
    return tuple(bounds)
