"""Tiles of a matrix product on the CPU: how C is cut, how k is cut, so that the cores are filled and a task fits.

m, k, n are BLAS's: A is m x k, B is k x n, C is m x n. A task is one tile of C with the whole of k where that fits, on
one thread, so that its bits do not depend on the number of cores. A product is halved along its longer side until there
are enough tasks for the cores of a node, while what is left stays worth a task.

Measured on two cores, two threads, 8192^3 in float32, OpenBLAS's kernels for AVX-512 (and AVX2): tiles of 512 x 8192
5.82 s (5.14), 1024 x 8192 5.54 (5.06), 2048 x 8192 5.42 (5.03), 4096 x 4096 5.39 (4.97), 2048 x 2048 5.49 (5.15). And
written into a file of 20000 columns: whole rows at 8 GB/s, runs of 4096 elements at 2.1, of 2048 at 0.9. So a tile has
whole rows, or such long parts of them that their writing is lost in their products, and 1024 rows where there are so
many.
"""

from __future__ import annotations

from typing import NamedTuple

from ...blocks import ceil_div, even_chunk
from ...errors import CannotFitError

__all__ = ["Tile", "choose_parts", "choose_tile"]

_FLOPS = 1e11
"""Of one core, to tell whether a task is worth it."""
_STEPS = ((8, 0.01, 512), (64, 0.25, 1024))
"""So many tasks if each is left so many seconds and so many rows: 8 for any product, 64 for a large one."""
_AREA = 1 << 24
"""Elements of a tile: beyond it nothing is gained and more memory kept."""
_LONG_ROW = 20_480
"""The longest row of a tile, which then has 800 of them: longer runs are written no faster."""
_RUN_S = 8e-6
"""What it costs to write a part of a row by itself: columns are cut where that is lost in the products of the part."""
_LOST = 0.01
_NARROW = 256
"""Narrower tiles wait for memory, which is read fastest as whole rows: of A for few columns, of B for few rows."""
_SHORT_K, _SHORT_ROWS = 512, 512
"""Products of so short a k wait for C to be written, which is fastest as whole rows, of at least so many at once."""
_FEW_PARTS = 32
_MULTIPLE = 128
_LEAST_SLAB = 256
_PART_BYTES = 64 << 20
_SMALL_TILE_BYTES = 64 << 10


class Tile(NamedTuple):
    """Rows and columns of a tile of C, and how much of k one product takes."""

    rows: int
    columns: int
    slab: int


def choose_tile(
    m: int, n: int, k: int, *, panel_itemsize: int, tile_itemsize: int, budget_bytes: int, n_matrices: int = 1
) -> Tile:
    """Return the tile for an m x k by k x n product.

    Parameters
    ----------
    m, n, k : int
        At least 1.
    panel_itemsize, tile_itemsize : int
        Bytes per element that operand panels and tiles of C take in memory, conversions included. Panels are counted
        although most are views of mapped files: not every file can be viewed.
    budget_bytes : int
        Memory of one task.
    n_matrices : int
        So many products of this shape fill the cores together.

    Raises
    ------
    CannotFitError
        When not even the smallest tile fits.

    Examples
    --------
    >>> choose_tile(8192, 8192, 8192, panel_itemsize=4, tile_itemsize=4, budget_bytes=256 << 20)
    Tile(rows=1024, columns=8192, slab=4096)
    >>> choose_tile(200_000, 2048, 2048, panel_itemsize=4, tile_itemsize=4, budget_bytes=256 << 20)
    Tile(rows=4096, columns=2048, slab=2048)
    """
    rows, columns = _wanted(m, n, k, panel_itemsize, n_matrices)
    slab = _fitting_slab(rows, columns, k, panel_itemsize, tile_itemsize, budget_bytes)
    while slab == 0 or (slab < k and rows > max(2 * columns, _NARROW)):
        if rows == columns == 1:
            raise CannotFitError(
                "one tile of the product does not fit in memory",
                cause=f"a task may take {budget_bytes} bytes",
                next="raise --memory",
            )
        rows, columns = _halve(rows, columns)
        slab = _fitting_slab(rows, columns, k, panel_itemsize, tile_itemsize, budget_bytes)
    return Tile(even_chunk(m, rows, multiple=_MULTIPLE), even_chunk(n, columns, multiple=_MULTIPLE), slab)


def choose_parts(tile: Tile, m: int, n: int, k: int, *, n_batches: int, itemsize: int) -> int:
    """Return into how many ranges k is cut, one task each: more than 1 only where there are few tiles and a long k.

    >>> choose_parts(Tile(1, 1, 1 << 20), 1, 1, 1_000_000_000, n_batches=1, itemsize=4)
    120
    >>> choose_parts(Tile(512, 8192, 8192), 8192, 8192, 8192, n_batches=1, itemsize=4)
    1
    """
    n_tiles = n_batches * ceil_div(m, tile.rows) * ceil_div(n, tile.columns)
    if n_tiles >= 8:
        return 1
    partial_bytes = 8 * tile.rows * tile.columns
    most = 256 if partial_bytes <= _SMALL_TILE_BYTES else _FEW_PARTS
    panels_bytes = k * (tile.rows + tile.columns) * itemsize
    parts = min(ceil_div(panels_bytes, _PART_BYTES), most)
    # a partial that is not much smaller than what it was made from is not worth a task
    return parts if parts > 1 and partial_bytes * parts <= panels_bytes else 1


def _wanted(m: int, n: int, k: int, itemsize: int, n_matrices: int) -> tuple[int, int]:
    """Return the tile that parallel work and fast writing ask for, memory aside."""
    if m < _NARROW < n and 8 * m * n * _FEW_PARTS <= k * n * itemsize:
        # k can be cut instead, which leaves rows of B whole
        return m, n
    columns = ceil_div(n, ceil_div(n, _LONG_ROW))
    rows = min(m, max(_AREA // columns, 1))
    for n_tasks, least_s, least_rows in _STEPS:
        while n_matrices * ceil_div(m, rows) * ceil_div(n, columns) < n_tasks:
            cut = _cut(rows, columns, k, least_rows)
            if 2 * cut[0] * cut[1] * k < least_s * _FLOPS or cut == (rows, columns):
                break
            rows, columns = cut
    return min(m, _round(rows)), min(n, _round(columns))


def _round(length: int) -> int:
    return ceil_div(length, _MULTIPLE) * _MULTIPLE


def _cut(rows: int, columns: int, k: int, least_rows: int) -> tuple[int, int]:
    """Return a tile with its rows halved; with its columns halved where rows are few; or as it was."""
    if rows >= 2 * least_rows:
        return ceil_div(rows, 2), columns
    half = ceil_div(columns, 2)
    is_lost = _LOST * 2 * k * half / _FLOPS >= _RUN_S
    return (rows, half) if is_lost and half >= _NARROW else (rows, columns)


def _halve(rows: int, columns: int) -> tuple[int, int]:
    return (ceil_div(rows, 2), columns) if rows >= columns else (rows, ceil_div(columns, 2))


def _fitting_slab(rows: int, columns: int, k: int, panel: int, tile: int, budget: int) -> int:
    """Return how much of k fits beside a tile: all of it, or what leaves room for a second tile to add from, or 0."""
    if panel * k * (rows + columns) + tile * rows * columns <= budget:
        return k
    room = budget - 2 * tile * rows * columns
    slab = room // (panel * (rows + columns)) if room > 0 else 0
    is_least = rows == columns == 1
    if slab < 1 or (slab < min(_LEAST_SLAB, k) and not is_least):
        return 0
    return min(even_chunk(k, slab, multiple=_LEAST_SLAB), k)
