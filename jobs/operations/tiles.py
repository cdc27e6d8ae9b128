"""Tiles of a matrix product: how C is cut, how k is cut, so that a task fits and little is read twice.

m, k, n are BLAS's: A is m x k, B is k x n, C is m x n. A tile of C of tm x tn needs the panels A[tm, k] and B[k, tn]:
traffic is ``m n k (1/tm + 1/tn)`` elements where neither operand stays in memory, ``m k + k n`` where one does.

References
----------
J.-W. Hong, H. T. Kung, "I/O complexity: the red-blue pebble game", STOC 1981: at least 2 m n k / sqrt(M) elements move
through a memory of M elements.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from ..blocks import ceil_div, even_chunk
from ..errors import CannotFitError
from ..limits import DeviceKind

__all__ = ["ROWS", "Tile", "choose_parts", "choose_tile"]

_N_TILES = 64
"""So many tiles, if they stay large enough: enough for the cores of a node, few enough to be worth a task."""
ROWS: Mapping[DeviceKind, tuple[int, int]] = MappingProxyType({"cpu": (512, 1024), "cuda": (4096, 4096)})
"""Fewest rows of a tile where B stays in memory, and where it is read again for every tile. Measured on two cores,
8192^3 in float32: B kept, 5.7 s at 256 rows, 5.3 at 512, 5.2 at 1024; B read again, 5.8 at 512, 5.6 at 1024. A GPU is
bound by computing from 4096 on (float32, PCIe gen 5)."""
_MOST_KEPT_BYTES: Mapping[DeviceKind, int] = MappingProxyType({"cpu": 320 << 20, "cuda": 2 << 30})
"""The largest B that stays in memory: on a core, the first touch of more costs what reading it again would."""
_LARGEST_AREA = 8192**2
_LEAST_COLUMNS = 2048
"""Narrower panels of B are read in runs so short that reading costs more than a tenth of the product."""
_FEW_TILES = 8
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
    m: int, n: int, k: int, *, panel_itemsize: int, tile_itemsize: int, budget_bytes: int, device: DeviceKind = "cpu"
) -> Tile:
    """Return the tile for an m x k by k x n product.

    Parameters
    ----------
    m, n, k : int
        At least 1.
    panel_itemsize, tile_itemsize : int
        Bytes per element that operand panels and tiles of C take in memory, conversions included.
    budget_bytes : int
        Memory of one task.
    device : {"cpu", "cuda"}

    Raises
    ------
    CannotFitError
        When not even the smallest tile fits.

    Examples
    --------
    >>> choose_tile(8192, 8192, 8192, panel_itemsize=4, tile_itemsize=4, budget_bytes=256 << 20)
    Tile(rows=1024, columns=8192, slab=4096)
    >>> choose_tile(200_000, 2048, 2048, panel_itemsize=4, tile_itemsize=4, budget_bytes=256 << 20)
    Tile(rows=3200, columns=2048, slab=2048)
    """
    is_kept = k * n * panel_itemsize <= min(budget_bytes // 2, _MOST_KEPT_BYTES[device])
    rows, columns = _wanted(m, n, ROWS[device][0 if is_kept else 1])
    slab = _fitting_slab(rows, columns, k, panel_itemsize, tile_itemsize, budget_bytes)
    while slab == 0:
        if rows == columns == 1:
            raise CannotFitError(
                "one tile of the product does not fit in memory",
                cause=f"a task may take {budget_bytes} bytes",
                next="raise --memory",
            )
        rows, columns = (rows, ceil_div(columns, 2)) if columns > max(rows, _LEAST_COLUMNS) else _halve(rows, columns)
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
    most = 256 if partial_bytes <= _SMALL_TILE_BYTES else 32
    panels_bytes = k * (tile.rows + tile.columns) * itemsize
    parts = min(ceil_div(panels_bytes, _PART_BYTES), most)
    # a partial that is not much smaller than what it was made from is not worth a task
    return parts if parts > 1 and partial_bytes * parts <= panels_bytes else 1


def _wanted(m: int, n: int, least_rows: int) -> tuple[int, int]:
    """Return the tile that traffic and parallel work ask for, memory aside.

    Whole rows of C and B are contiguous in their files, so a tile takes all columns; columns are cut only where there
    would be too few tiles.
    """
    area = min(max(m * n // _N_TILES, least_rows**2), _LARGEST_AREA)
    rows = min(m, max(_round(area // n), least_rows))
    cuts = ceil_div(_FEW_TILES, ceil_div(m, rows))
    return rows, max(ceil_div(n, cuts), min(n, _LEAST_COLUMNS))


def _round(length: int) -> int:
    return max(ceil_div(length, _MULTIPLE) * _MULTIPLE, _MULTIPLE)


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
