"""The tiles in which a GPU computes one task of a product: those that move the fewest bytes and fit on the device.

Candidates are tiles with edges of equal parts of the task's rectangle, in both serpentine orders, with and without a
resident panel. Of those that fit, the ones that copy the fewest bytes are left; of these the fastest, by a model that
lets each tile take the longer of computing and copying what it needs; of those as fast within 2 %, the one whose slabs
are contiguous in their files.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from ...blocks import ceil_div
from ...errors import CannotFitError
from ...rates.workers import Rates
from ...sizes import format_bytes
from .device_memory import ItemSizes, device_bytes
from .gpu_tasks import EDGE
from .traffic import Tiling, moved_elements

__all__ = ["Problem", "choose_tiling", "link_bytes", "pipeline_s"]

_LEAST_EDGE = 1024
"""Shorter tiles are bound by the link, unless nothing longer fits."""
_CUTS = (1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 56, 64)
_CLOSE = 1.02
_MOST_SLAB_BYTES, _SLAB_SHARE = 1 << 30, 16
"""Of one slab, or that share of the budget: the first product waits for whole slabs."""
_SMALL_SLAB = 64


@dataclass(frozen=True, slots=True)
class Problem:
    """One task of a product.

    Parameters
    ----------
    m, n, k : int
        Of the task: its rectangle of C is m x n.
    slab : int
        Wanted length of a slab.
    sizes : ItemSizes
    flops : float
        Of a whole task.
    rates : Rates
        Nominal ones.
    a_transposed, b_transposed : bool
        The stored operand is k x m, or n x k.
    """

    m: int
    n: int
    k: int
    slab: int
    sizes: ItemSizes
    flops: float
    rates: Rates
    a_transposed: bool = False
    b_transposed: bool = False


def choose_tiling(problem: Problem, budget_bytes: int) -> Tiling:
    """Return the tiles of a task.

    Parameters
    ----------
    problem : Problem
    budget_bytes : int
        Of device memory.

    Raises
    ------
    CannotFitError
        When not even a tile of one element fits.

    Examples
    --------
    >>> rates = Rates(8e9, 4e10, 1.5e9, 1.5e9, 4.5e13, 4.5e10, 4.5e10)
    >>> n = 32768
    >>> chosen = choose_tiling(Problem(n, n, n, 2048, ItemSizes(4, 4, 0, 0, 4, 4), 2.0 * n**3, rates), 15 << 29)
    >>> moved_elements(chosen) == (n * n, n * n)
    True
    """
    most_slab_bytes = max(_MOST_SLAB_BYTES, budget_bytes // _SLAB_SHARE)
    for candidates in _ladder(problem):
        fitting = [
            tiling
            for tiling in candidates
            if device_bytes(tiling, problem.sizes) <= budget_bytes
            and _slab_bytes(tiling, problem.sizes) <= most_slab_bytes
        ]
        if fitting:
            return _best(problem, fitting)
    raise CannotFitError(
        "one tile of the product does not fit on the device",
        cause=f"arrays may take {format_bytes(max(budget_bytes, 0))} there",
        next="raise --device-memory",
    )


def link_bytes(tiling: Tiling, sizes: ItemSizes) -> tuple[int, int]:
    """Return the bytes that a task copies to the device, and from it.

    >>> link_bytes(Tiling(10, 10, 10, 10, 10, 10), ItemSizes(4, 4, 0, 0, 4, 4))
    (800, 400)
    """
    a, b = moved_elements(tiling)
    return a * sizes.a + b * sizes.b, tiling.m * tiling.n * sizes.result


def pipeline_s(problem: Problem, tiling: Tiling) -> float:
    """Return the seconds of a task's copies and products: each tile takes as long as the longer of its own.

    Slabs are copied hardly more than one ahead, so what a tile waits for is not made up for by another.
    """
    t, sizes, rates = tiling, problem.sizes, problem.rates
    n_rows, n_columns = t.counts
    rows, columns = t.m / n_rows, t.n / n_columns
    compute_s = problem.flops / t.n_tiles / rates.flops
    a_s, b_s = rows * t.k * sizes.a / rates.to_device, columns * t.k * sizes.b / rates.to_device
    out_s = rows * columns * sizes.result / rates.from_device
    n_outer, slow_s, fast_s = (n_rows, a_s, b_s) if t.order == "rows" else (n_columns, b_s, a_s)
    is_kept = t.resident != "none" or t.n_slabs <= 2
    fill_s = (a_s + b_s) / t.n_slabs
    first_s = max(compute_s, slow_s + fast_s)
    other_s = max(compute_s, fast_s if is_kept else slow_s + fast_s, out_s)
    return fill_s + n_outer * first_s + (t.n_tiles - n_outer) * other_s + out_s


def _best(problem: Problem, fitting: list[Tiling]) -> Tiling:
    moved = [sum(link_bytes(tiling, problem.sizes)) for tiling in fitting]
    least = min(moved)
    lean = [(pipeline_s(problem, tiling), tiling) for tiling, size in zip(fitting, moved, strict=True) if size == least]
    quickest_s = min(seconds for seconds, _ in lean)
    close = [(seconds, tiling) for seconds, tiling in lean if seconds <= quickest_s * _CLOSE]
    return min(close, key=lambda pair: (-_n_contiguous(problem, pair[1]), pair[0], pair[1].n_tiles))[1]


def _slab_bytes(tiling: Tiling, sizes: ItemSizes) -> int:
    return tiling.slab * max(tiling.rows * sizes.a, tiling.columns * sizes.b)


def _n_contiguous(problem: Problem, tiling: Tiling) -> int:
    a = tiling.rows >= problem.m if problem.a_transposed else tiling.slab >= problem.k
    b = tiling.slab >= problem.k if problem.b_transposed else tiling.columns >= problem.n
    return a + b


def _ladder(problem: Problem) -> Iterator[list[Tiling]]:
    """Yield candidates: good ones, then, for little memory, smaller ones, down to a single element."""
    slab = min(problem.slab, problem.k)
    yield _candidates(problem, slab, _LEAST_EDGE)
    yield _candidates(problem, slab, EDGE)
    edge = EDGE
    while edge > 1 or slab > 1:
        slab, edge = max(slab // 2, min(slab, _SMALL_SLAB) if edge > 1 else 1), max(edge // 2, 1)
        yield [
            Tiling(problem.m, problem.n, problem.k, min(rows, problem.m), min(columns, problem.n), slab)
            for rows, columns in ((edge, 4 * edge), (edge, edge))
        ]


def _candidates(problem: Problem, slab: int, least: int) -> list[Tiling]:
    plain = [
        Tiling(problem.m, problem.n, problem.k, rows, columns, slab)
        for rows in _edges(problem.m, least)
        for columns in _edges(problem.n, least)
    ]
    by_columns = [replace(tiling, order="columns") for tiling in plain]
    by_panel_a = [replace(tiling, resident="a") for tiling in plain]
    by_panel_b = [replace(tiling, resident="b") for tiling in by_columns]
    return [*by_panel_b, *by_panel_a, *plain, *by_columns]


def _edges(length: int, least: int) -> list[int]:
    """Return a side cut into 1, 2, 3 ... equal parts, rounded up to multiples of 256: none shorter than `least`."""
    edges = {min(ceil_div(ceil_div(length, cuts), EDGE) * EDGE, length) for cuts in _CUTS} | {min(least, length)}
    return sorted((edge for edge in edges if edge >= min(least, length)), reverse=True)
