"""The order in which a block is worked on: its pieces, the groups of a reduction, the tiles of a product."""

from __future__ import annotations

import math

from ..blocks import Grid, Region, offset_region, region_shape, serpentine
from ..stages.shapes import ContractStage, MapStage, ReduceStage, Stage
from .splitting import split_stage

__all__ = ["map_pieces", "output_regions", "piece_groups", "tile_pieces", "tile_region"]


def map_pieces(stage: MapStage, index: int) -> list[Region]:
    """Return the regions of the output that block `index` computes, one after another."""
    return _cut(stage.grid.region(index), stage.pieces)


def piece_groups(stage: ReduceStage, index: int) -> list[list[Region]]:
    """Return the pieces of a block, those of one region of the output together and in order."""
    groups: dict[Region, list[Region]] = {}
    for region in _cut(stage.grid.region(index), stage.pieces):
        kept = tuple(bounds for axis, bounds in enumerate(region) if axis not in stage.axes)
        groups.setdefault(kept, []).append(region)
    return list(groups.values())


def tile_pieces(stage: ContractStage, index: int) -> list[Region]:
    """Return the tiles ``(*batch, m, n)`` of C that block `index` computes one after another, as a serpentine.

    Examples
    --------
    >>> import numpy as np
    >>> f4, grid = np.dtype("f4"), Grid((4, 6, 9), (4, 6, 9))
    >>> stage = ContractStage(grid, 9, (), (), False, False, False, False, f4, f4, f4, pieces=(2, 3))
    >>> tile_pieces(stage, 0)
    [((0, 2), (0, 3)), ((0, 2), (3, 6)), ((2, 4), (3, 6)), ((2, 4), (0, 3))]
    """
    block = stage.grid.region(index)[:-1]
    if not stage.pieces:
        return [block]
    origin = [start for start, _ in block]
    inner = Grid(region_shape(block), stage.pieces)
    *n_matrices, n_rows, n_columns = inner.counts
    places = serpentine(n_rows, n_columns, stage.order)
    numbers = [row * n_columns + column for row, column in places]
    first_tiles = range(0, math.prod(n_matrices) * n_rows * n_columns, n_rows * n_columns)
    return [offset_region(inner.region(first + number), origin) for first in first_tiles for number in numbers]


def tile_region(stage: ContractStage, tile: Region) -> Region:
    """Return the region of the output that a part ``(*batch, m, n)`` of C is: axes added to vectors fall away."""
    *batch, rows, columns = tile
    matrix = ([] if stage.a_vector else [rows]) + ([] if stage.b_vector else [columns])
    return (*batch, *matrix)


def output_regions(stage: Stage, index: int, n_splits: int = 0) -> list[Region]:
    """Return the regions that block `index` writes, in the order in which it writes them: that of its checksum.

    Parameters
    ----------
    stage : Stage
    index : int
    n_splits : int
        How often its pieces were halved: `BlockRecord.n_splits`.

    Returns
    -------
    list of Region
        Of ``target.T`` where the stage is worked on in reverse, else of the target. Empty where the block is one part
        of several: then the driver writes the region.

    Examples
    --------
    >>> stage = MapStage(None, Grid((4, 6), (2, 6)), (2, 6), ((4, 6),))
    >>> output_regions(stage, 1)
    [((2, 4), (0, 6))]
    >>> output_regions(stage, 1, n_splits=1)
    [((2, 4), (0, 3)), ((2, 4), (3, 6))]
    """
    if stage.n_parts > 1:
        return []
    split = split_stage(stage, n_splits)
    if isinstance(split, MapStage):
        return map_pieces(split, index)
    if isinstance(split, ReduceStage):
        return [split.kept(group[0]) for group in piece_groups(split, index)]
    if isinstance(split, ContractStage):
        return [tile_region(split, tile) for tile in tile_pieces(split, index)]
    return []


def _cut(block: Region, pieces: tuple[int, ...]) -> list[Region]:
    origin = [start for start, _ in block]
    return [offset_region(inner, origin) for inner in Grid(region_shape(block), pieces).regions()]
