"""Which part of each input a block of a stage reads, and so which blocks a change of an input makes stale.

::

    x.npy    header | ......... ####.... |          a change of the bytes ####
    blocks            0 | 1 | 2 | 3 | 4             blocks_reading -> {2, 3}
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import Protocol

from ..blocks import Region, broadcast_region, merged_ranges, whole_region
from ..headers import ArrayHeader
from ..ranges import range_cover
from .shapes import ConstantStage, ContractStage, MapStage, ReduceStage, Stage

__all__ = ["Stored", "blocks_reading", "byte_interval", "input_regions", "panel_region"]


class Stored(Protocol):
    """An array whose place in its file is known."""

    @property
    def header(self) -> ArrayHeader:
        """Name, shape, dtype and memory order."""

    @property
    def data_offset(self) -> int:
        """Position of the first element in the file, in bytes."""


def input_regions(stage: Stage, index: int) -> tuple[Region, ...]:
    """Return the region of each input that block `index` reads, in the input's own axes.

    Parameters
    ----------
    stage : Stage
    index : int
        Number of a block.

    Returns
    -------
    tuple of Region
        One per input, whether or not the stage takes its arrays with their axes reversed.

    Examples
    --------
    >>> from ..blocks import Grid
    >>> stage = MapStage(None, Grid((4, 6), (2, 6)), (1, 6), ((4, 6), (6,)))  # type: ignore[arg-type]
    >>> input_regions(stage, 1)
    (((2, 4), (0, 6)), ((0, 6),))
    """
    if isinstance(stage, MapStage):
        regions = stage.operand_regions(stage.grid.region(index))
        if stage.is_flat:
            regions = tuple(range_cover(shape, *row) for shape, (row,) in zip(stage.operands, regions, strict=True))
    elif isinstance(stage, ReduceStage):
        region = stage.grid.region(index)
        return (region[::-1] if stage.reverse else region, *map(whole_region, stage.given))
    elif isinstance(stage, ContractStage):
        *tile, span = stage.grid.region(index)
        regions = tuple(panel_region(stage, side, tuple(tile), span) for side in (0, 1))
    else:
        raise ValueError("a constant has no blocks")
    return tuple(region[::-1] for region in regions) if stage.reverse else regions


def panel_region(stage: ContractStage, side: int, tile: Region, span: tuple[int, int]) -> Region:
    """Return the region of one operand, as it is stored, that a tile of C needs for a range of k.

    Parameters
    ----------
    stage : ContractStage
    side : {0, 1}
        0 is a, 1 is b.
    tile : Region
        Batch axes, rows and columns of C.
    span : tuple of (start, stop)
        Of k: columns of a, rows of b.
    """
    if (stage.a_vector, stage.b_vector)[side]:
        return (span,)
    batch = broadcast_region(tile[:-2], (stage.a_batch, stage.b_batch)[side])
    rows, columns = (tile[-2], span) if side == 0 else (span, tile[-1])
    is_transposed = (stage.a_transposed, stage.b_transposed)[side]
    return (*batch, columns, rows) if is_transposed else (*batch, rows, columns)


def byte_interval(header: ArrayHeader, data_offset: int, region: Region) -> tuple[int, int]:
    """Return the first byte of a region in its file and the one behind its last: what lies between may be others'.

    Parameters
    ----------
    header : ArrayHeader
        Of the file.
    data_offset : int
        Position of the first element in the file, in bytes.
    region : Region

    Examples
    --------
    >>> import numpy as np
    >>> header = ArrayHeader("x.npy", (4, 8), np.dtype("u1"))
    >>> byte_interval(header, 128, ((1, 3), (2, 5)))
    (138, 149)
    """
    if any(start == stop for start, stop in region):
        return data_offset, data_offset
    axes = zip(header.shape, region, strict=True)
    stride, first, last = header.dtype.itemsize, data_offset, data_offset
    for n, (start, stop) in axes if header.order == "F" else reversed(list(axes)):
        first += start * stride
        last += (stop - 1) * stride
        stride *= n
    return first, last + header.dtype.itemsize


def blocks_reading(
    stage: Stage, sources: Sequence[Stored], source_no: int, changed_ranges: Iterable[tuple[int, int]]
) -> set[int]:
    """Return the blocks that may read a changed byte of an input: all that do, and perhaps some beside them.

    Parameters
    ----------
    stage : Stage
    sources : sequence of Source
        The inputs.
    source_no : int
        Which of them changed.
    changed_ranges : iterable of (start, stop)
        Bytes of its file. What lies before the first element touches no block.

    Notes
    -----
    A region counts as all bytes from its first to its last. O(blocks x log(ranges)).

    Examples
    --------
    >>> import numpy as np
    >>> from types import SimpleNamespace
    >>> from ..blocks import Grid
    >>> stage = ReduceStage(None, Grid((8,), (2,)), (2,), (0,))  # type: ignore[arg-type]
    >>> source = SimpleNamespace(header=ArrayHeader("x.npy", (8,), np.dtype("f8")), data_offset=128)
    >>> blocks_reading(stage, [source], 0, [(0, 128), (150, 165)])
    {1, 2}
    """
    ranges = merged_ranges(changed_ranges)
    if isinstance(stage, ConstantStage) or not ranges:
        return set()
    starts = [start for start, _ in ranges]
    header, data_offset = sources[source_no].header, sources[source_no].data_offset
    reading = set()
    for index in range(stage.grid.n_blocks):
        start, stop = byte_interval(header, data_offset, input_regions(stage, index)[source_no])
        # the last range that begins before the block ends is the one that reaches furthest
        place = bisect_right(starts, stop - 1)
        if start < stop and place and ranges[place - 1][1] > start:
            reading.add(index)
    return reading
