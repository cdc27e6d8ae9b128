"""What crosses the link to a GPU for a product in tiles: counted exactly, and the least that any schedule needs.

C is m x n, cut into tiles of `rows` x `columns` that are taken as a serpentine; each adds up products of slabs of k. A
slab of an operand lies in one of that operand's slots on the device. Two slots let slabs pass through: one is
multiplied, the other filled. The resident operand has a slot for every slab of its panel.

::

    order rows, A resident            elements in, K = slabs of k > 2
    A0 | C00 -> C01 -> C02            A resident      mk + kn ceil(m / rows)
    A1 | C12 <- C11 <- C10            B resident      kn + mk ceil(n / columns)
         B0     B1     B2             neither         mk ceil(n / columns) + kn ceil(m / rows)

References
----------
J.-W. Hong, H. T. Kung, "I/O complexity: the red-blue pebble game", STOC 1981: at least 2 m n k / sqrt(M) elements move
through a memory of M elements.
L. A. Belady, "A study of replacement algorithms for a virtual-storage computer", IBM Systems Journal 5 (1966), 78-101.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Literal

from ...blocks import ceil_div, serpentine

__all__ = ["N_SLOTS", "Tiling", "count_loads", "least_streamed", "moved_elements", "slab_keys"]

N_SLOTS = 2
"""Of an operand whose slabs pass through."""


@dataclass(frozen=True, slots=True)
class Tiling:
    """One rectangle of C, and the tiles and slabs in which it is computed.

    Parameters
    ----------
    m, n, k : int
        A is m x k, B is k x n.
    rows, columns : int
        Of a tile.
    slab : int
        Length along k that one product takes.
    order : {"rows", "columns"}
    resident : {"none", "a", "b"}
        A with order rows, B with order columns.
    """

    m: int
    n: int
    k: int
    rows: int
    columns: int
    slab: int
    order: Literal["rows", "columns"] = "rows"
    resident: Literal["none", "a", "b"] = "none"

    @property
    def counts(self) -> tuple[int, int]:
        """Tiles along m and along n."""
        return ceil_div(self.m, self.rows), ceil_div(self.n, self.columns)

    @property
    def n_tiles(self) -> int:
        """Number of tiles."""
        return math.prod(self.counts)

    @property
    def n_slabs(self) -> int:
        """Number of slabs of k."""
        return ceil_div(self.k, self.slab)

    @property
    def n_slots(self) -> tuple[int, int]:
        """Slots of A and of B on the device."""
        panel = max(self.n_slabs, N_SLOTS)
        return panel if self.resident == "a" else N_SLOTS, panel if self.resident == "b" else N_SLOTS


def moved_elements(tiling: Tiling) -> tuple[int, int]:
    """Return the elements of A and of B that are copied to the device. O(1).

    Examples
    --------
    >>> moved_elements(Tiling(32768, 32768, 32768, 4096, 32768, 2048, "columns", "b")) == (2**30, 2**30)
    True
    >>> moved_elements(Tiling(6, 9, 100, 3, 3, 10))
    (1800, 1800)
    """
    t = tiling
    n_rows, n_columns = t.counts
    if t.order == "rows":
        slow = _slow_panels(t.m, n_columns, t.n_slabs, is_resident=t.resident == "a")
        return slow * t.k, _fast_panels(t.n, t.columns, n_rows, t.n_slabs) * t.k
    slow = _slow_panels(t.n, n_rows, t.n_slabs, is_resident=t.resident == "b")
    return _fast_panels(t.m, t.rows, n_columns, t.n_slabs) * t.k, slow * t.k


def least_streamed(m: int, n: int, k: int, memory: float) -> float:
    """Return about how many elements must move through a memory of so many, where that is much less than they are.

    The formula leaves out what the memory holds at the beginning and the end: where everything nearly fits, it asks for
    more than is needed, and that every element moves once is the better bound.

    >>> least_streamed(1 << 20, 1 << 20, 1 << 20, 1 << 30) == 2.0 ** (1 + 3 * 20 - 15)
    True
    """
    return 2 * m * n * k / math.sqrt(max(memory, 1))


def slab_keys(tiling: Tiling) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Return the slabs of A and of B that the products need, one after another: (panel, number along k)."""
    slabs = range(tiling.n_slabs)
    places = serpentine(*tiling.counts, tiling.order)
    return [(row, s) for row, _ in places for s in slabs], [(column, s) for _, column in places for s in slabs]


def count_loads(keys: Sequence[Hashable], n_slots: int, *, is_ahead: bool = True) -> int:
    """Return how many slabs are loaded into so many slots, if what is needed again latest makes room (Belady's rule).

    Parameters
    ----------
    keys : sequence
        What each product needs; equal keys are the same slab.
    n_slots : int
    is_ahead : bool
        A slab is loaded while the product before runs, so that one's slab cannot make room.

    Examples
    --------
    >>> count_loads("abcabc", 2), count_loads("abcabc", 2, is_ahead=False)
    (6, 4)
    """
    never = len(keys)
    later: dict[Hashable, int] = {}
    next_use = [never] * never
    for step in range(never - 1, -1, -1):
        next_use[step] = later.get(keys[step], never)
        later[keys[step]] = step
    held: dict[Hashable, int] = {}
    n_loads = 0
    for step, key in enumerate(keys):
        if key not in held:
            n_loads += 1
            if len(held) == n_slots:
                kept = keys[step - 1] if is_ahead and n_slots > 1 else None
                del held[max((slab for slab in held if slab != kept), key=lambda slab: held[slab])]
        held[key] = next_use[step]
    return n_loads


def _slow_panels(length: int, n_tiles: int, n_slabs: int, *, is_resident: bool) -> int:
    """Return how much of m (n) is loaded of the operand whose panel the tiles of one row (column) share."""
    return length if is_resident or n_slabs <= N_SLOTS else length * n_tiles


def _fast_panels(length: int, chunk: int, n_passes: int, n_slabs: int) -> int:
    """Return how much of n (m) is loaded of the operand whose panels alternate: at a turn the slots hold some."""
    if n_slabs > N_SLOTS:
        return length * n_passes
    n_kept = N_SLOTS // n_slabs
    if ceil_div(length, chunk) <= n_kept:
        return length
    high_turns = n_passes // 2
    low_turns = n_passes - 1 - high_turns
    last = length - (ceil_div(length, chunk) - 1) * chunk
    return length * n_passes - high_turns * (last + (n_kept - 1) * chunk) - low_turns * n_kept * chunk
