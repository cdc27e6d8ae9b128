"""The memory that a product in tiles takes: on the GPU, and pinned on the host.

::

    GPU    results  rows x columns, two where there are several: one is computed while the other is copied out
           total    one tile, where products are added up in another dtype than the result's
           slots    of A: rows x slab, of B: slab x columns; two, or a whole panel of the resident operand
           casts    one slab of each operand as it is multiplied, where that is otherwise than stored, and one mask
    host   a ring of pinned slots, in and out

Allocated once, before the first product: any allocation later synchronises the device.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ...stages.modes import ProductMode
from .traffic import Tiling

__all__ = ["ItemSizes", "device_bytes", "item_sizes", "ring_bytes"]

_SLOT_BYTES = 64 << 20
_LEAST_SLOT_BYTES = 1 << 20
_N_IN, _N_OUT = 24, 8
_LEAST_IN, _LEAST_OUT = 6, 2
_MULTIPLIED: dict[ProductMode, int] = {"tf32": 4, "fp16": 2, "bf16": 2, "3xtf32": 12, "fp64acc": 8}
"""Bytes per element of an operand as tensor cores take it; 3xTF32 takes three terms of each element side by side."""


@dataclass(frozen=True, slots=True)
class ItemSizes:
    """Bytes per element.

    Parameters
    ----------
    a, b : int
        Of the operands as they cross the link.
    a_cast, b_cast : int
        Of the operands as they are multiplied, 0 where that is as they came.
    total : int
        Of the tile in which products are added up.
    result : int
        Of the result as it crosses the link.
    """

    a: int
    b: int
    a_cast: int
    b_cast: int
    total: int
    result: int


def item_sizes(
    a: np.dtype[Any], b: np.dtype[Any], result: np.dtype[Any], *, compute: np.dtype[Any], mode: ProductMode
) -> ItemSizes:
    """Return the sizes of a product of stored dtypes.

    >>> f4 = np.dtype("f4")
    >>> item_sizes(f4, f4, f4, compute=f4, mode="3xtf32")
    ItemSizes(a=4, b=4, a_cast=12, b_cast=12, total=4, result=4)
    """
    multiplied = _MULTIPLIED.get(mode, compute.itemsize)
    a_cast, b_cast = (0 if dtype.itemsize == multiplied else multiplied for dtype in (a, b))
    return ItemSizes(a.itemsize, b.itemsize, a_cast, b_cast, compute.itemsize, result.itemsize)


def device_bytes(tiling: Tiling, sizes: ItemSizes) -> int:
    """Return the device memory of a product.

    Examples
    --------
    >>> f4 = ItemSizes(4, 4, 0, 0, 4, 4)
    >>> device_bytes(Tiling(8192, 8192, 8192, 4096, 8192, 2048), f4) >> 20
    448
    """
    t = tiling
    rows, columns, slab = min(t.rows, t.m), min(t.columns, t.n), min(t.slab, t.k)
    a_slots, b_slots = t.n_slots
    tile = min(t.n_tiles, 2) * sizes.result + (sizes.total if sizes.result != sizes.total else 0)
    slots = slab * (a_slots * rows * sizes.a + b_slots * columns * sizes.b)
    mask = max(rows * bool(sizes.a_cast), columns * bool(sizes.b_cast))
    return rows * columns * tile + slots + slab * (rows * sizes.a_cast + columns * sizes.b_cast + mask)


def ring_bytes(allowed_bytes: int, largest_bytes: int) -> int:
    """Return the pinned memory of a worker: 24 slots in and 8 out of 64 MiB, or fewer and smaller ones.

    Parameters
    ----------
    allowed_bytes : int
        Smaller only than the least ring: 8 slots of 1 MiB.
    largest_bytes : int
        The largest slab: slots need not be larger. A power of two, since torch rounds pinned memory up to one.

    Examples
    --------
    >>> ring_bytes(6 << 30, 1 << 30) >> 20, ring_bytes(256 << 20, 1 << 30) >> 20
    (2048, 256)
    """
    slot = min(_SLOT_BYTES, max(1 << max(largest_bytes - 1, 0).bit_length(), _LEAST_SLOT_BYTES))
    n_in, n_out = _N_IN, _N_OUT
    while (n_in + n_out) * slot > allowed_bytes:
        if n_in > _LEAST_IN:
            n_in, n_out = max(n_in // 2, _LEAST_IN), max(n_out // 2, _LEAST_OUT)
        elif slot > _LEAST_SLOT_BYTES:
            slot //= 2
        else:
            break
    return (n_in + n_out) * slot
