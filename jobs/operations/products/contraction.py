"""From two operands to the stage of their product: which tasks, tiles and slabs, how much memory, how many bytes.

On the CPU a task is one tile of C. On a GPU it is a rectangle of about a second's work, computed in tiles that keep a
panel on the device (`gpu_tiles.py`); products that are not of floats, and stacks of small matrices, are computed there
as they are on the CPU.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np

from ...blocks import Grid, Shape, ceil_div, row_major_chunks
from ...headers import ArrayHeader
from ...limits import Limits
from ...rates.workers import rates_of
from ...stages.modes import SLABS, product_mode
from ...stages.moves import Moves
from ...stages.shapes import ContractStage, Draft
from .device_memory import ItemSizes, device_bytes, item_sizes, ring_bytes
from .gpu_tasks import Work, choose_parts, choose_rectangle
from .gpu_tiles import Problem, choose_tiling, link_bytes
from .tiles import choose_parts as choose_cpu_parts
from .tiles import choose_tile
from .traffic import Tiling, least_streamed

__all__ = ["Contraction", "Operand", "draft_contraction"]

_MAX_BATCH_BYTES = 64 << 20
_TASK_S = 1.0
"""Of a task of several matrices on a GPU."""
_RING_SHARE = 0.8
"""Of what a task may take on the host: a tenth of the job's memory."""
_N_STRIPES = 8


@dataclass(frozen=True, slots=True)
class Operand:
    """One operand as a stack of matrices: ``(*batch, rows, columns)`` after transposition.

    Parameters
    ----------
    header : ArrayHeader
    batch : tuple of int
    rows, columns : int
    vector : bool
        It is 1-D.
    transposed : bool
    """

    header: ArrayHeader
    batch: Shape
    rows: int
    columns: int
    vector: bool
    transposed: bool

    @property
    def dtype(self) -> np.dtype[Any]:
        """As stored, in native byte order."""
        return self.header.dtype.newbyteorder("=")

    @property
    def has_column_runs(self) -> bool:
        """Whether columns, not rows, are runs in its file."""
        return self.transposed != (self.header.order == "F")


@dataclass(frozen=True, slots=True)
class Contraction:
    """A product, typed.

    Parameters
    ----------
    a, b : Operand
    batch : tuple of int
    compute, accumulate, result : numpy.dtype
        Of products, of their sums, of the output.
    """

    a: Operand
    b: Operand
    batch: Shape
    compute: np.dtype[Any]
    accumulate: np.dtype[Any]
    result: np.dtype[Any]

    @property
    def sides(self) -> tuple[int, int, int]:
        """m, n, k: A is m x k, B is k x n."""
        return self.a.rows, self.b.columns, self.a.columns

    @property
    def n_matrices(self) -> int:
        """Number of products."""
        return math.prod(self.batch)

    @property
    def flops(self) -> int:
        """Floating point operations of all products."""
        return 2 * self.n_matrices * math.prod(self.sides) * (4 if self.result.kind == "c" else 1)


def draft_contraction(contraction: Contraction, output: ArrayHeader, limits: Limits, notes: tuple[str, ...]) -> Draft:
    """Return the draft of a product that is not empty.

    Raises
    ------
    CannotFitError
        When not even the smallest tile fits.
    """
    if limits.device == "cuda" and _is_streamed(contraction):
        return _draft_streamed(contraction, output, limits, notes)
    return _draft_plain(contraction, output, limits, notes)


def _is_streamed(c: Contraction) -> bool:
    """Return whether slabs pass through the device one by one: matrices of floats that are worth it."""
    m, n, k = c.sides
    is_small = c.n_matrices > 1 and (m * k + k * n + m * n) * c.compute.itemsize <= _MAX_BATCH_BYTES
    are_matrices = all(x.header.ndim == 2 or (x.header.ndim > 2 and x.header.order == "C") for x in (c.a, c.b))
    return {c.a.dtype.kind, c.b.dtype.kind} == {"f"} and are_matrices and not is_small


def _draft_plain(c: Contraction, output: ArrayHeader, limits: Limits, notes: tuple[str, ...]) -> Draft:
    m, n, k = c.sides
    # what is read, and beside it what it is cast to
    panel = max(x.dtype.itemsize + (c.compute.itemsize if x.dtype != c.compute else 0) for x in (c.a, c.b))
    # the product, what it is added to, and the output's dtype where that is another
    total = c.compute.itemsize + (c.accumulate.itemsize + c.result.itemsize if c.result != c.compute else 0)
    budget = min(limits.task_host_bytes, limits.block_bytes or limits.task_host_bytes)
    if limits.device == "cuda":
        budget = min(budget, limits.task_device_bytes)
    tile = choose_tile(m, n, k, panel_itemsize=panel, tile_itemsize=total, budget_bytes=budget, n_matrices=c.n_matrices)
    parts = choose_cpu_parts(tile, m, n, k, n_batches=c.n_matrices, itemsize=panel)
    is_whole = parts == 1 and tile == (m, n, k)
    most = max(_MAX_BATCH_BYTES // ((panel + total) * (m * k + k * n + m * n)), 1) if is_whole else 1
    matrices = row_major_chunks(c.batch, most)
    span = ceil_div(k, parts)
    stage = _stage(c, limits, (*matrices, tile.rows, tile.columns, span), slab=tile.slab)
    slab = min(tile.slab, span)
    extra = c.compute.itemsize if slab < span else 0
    need = math.prod(matrices) * (
        panel * slab * (tile.rows + tile.columns) + (total + extra) * tile.rows * tile.columns
    )
    read = (
        c.n_matrices
        * k
        * (ceil_div(n, tile.columns) * m * c.a.dtype.itemsize + ceil_div(m, tile.rows) * n * c.b.dtype.itemsize)
    )
    device = need if limits.device == "cuda" else 0
    return Draft(stage, output, c.flops, need, read_bytes=read, task_device_bytes=device, notes=notes)


def _draft_streamed(c: Contraction, output: ArrayHeader, limits: Limits, notes: tuple[str, ...]) -> Draft:
    m, n, k = c.sides
    mode = product_mode(c.result, limits.precision, limits.device)
    rates = rates_of(limits.device, limits.precision, c.result)
    sizes = item_sizes(c.a.dtype, c.b.dtype, c.result, compute=c.compute, mode=mode)
    flops = c.flops / c.n_matrices
    work = Work(m, n, k, c.n_matrices, flops, max(sizes.a, sizes.b))
    budget = min(limits.task_device_bytes, limits.block_bytes or limits.task_device_bytes)
    rows, columns = (m, n) if limits.block_bytes else choose_rectangle(work, rates)
    share = rows * columns / (m * n)
    problem = Problem(
        rows, columns, k, SLABS[mode], sizes, flops * share, rates, c.a.has_column_runs, c.b.has_column_runs
    )
    tiling = choose_tiling(problem, budget)
    if limits.block_bytes:
        # the user's blocks are tasks of one tile each
        tiling = replace(tiling, m=tiling.rows, n=tiling.columns, order="rows", resident="none")
    n_tasks = c.n_matrices * ceil_div(m, tiling.m) * ceil_div(n, tiling.n)
    task = work._replace(m=tiling.m, n=tiling.n, flops=flops * tiling.m * tiling.n / (m * n))
    parts = choose_parts(task, rates, n_tasks)
    span = k if parts == 1 else min(ceil_div(ceil_div(k, parts), tiling.slab) * tiling.slab, k)
    tiling = replace(tiling, k=span)
    is_whole = n_tasks == c.n_matrices and span == k
    matrices = row_major_chunks(c.batch, max(int(_TASK_S * rates.flops / flops), 1) if is_whole else 1)
    stage = _stage(c, limits, (*matrices, tiling.m, tiling.n, span), slab=tiling.slab)
    stage = replace(
        stage,
        pieces=(*(1,) * len(c.batch), tiling.rows, tiling.columns),
        order=tiling.order,
        resident=tiling.resident,
    )
    in_bytes, out_bytes = _moved_bytes(stage, tiling, sizes)
    memory = limits.task_device_bytes / work.in_itemsize
    streamed_bytes = c.n_matrices * least_streamed(m, n, k, memory) * min(sizes.a, sizes.b)
    least = max(c.a.header.nbytes + c.b.header.nbytes, streamed_bytes)
    stripes = tiling.rows * tiling.columns * sizes.result
    slab_a, slab_b = tiling.slab * tiling.rows * sizes.a, tiling.slab * tiling.columns * sizes.b
    ring = ring_bytes(int(limits.task_host_bytes * _RING_SHARE), max(slab_a, slab_b, ceil_div(stripes, _N_STRIPES)))
    return Draft(
        stage,
        output,
        c.flops,
        ring + (8 * tiling.rows * tiling.columns if parts > 1 else 0),
        read_bytes=in_bytes,
        task_device_bytes=device_bytes(tiling, sizes),
        notes=notes,
        moves=Moves(in_bytes, out_bytes, min(int(least), in_bytes), slab_a + slab_b, stripes),
    )


def _stage(c: Contraction, limits: Limits, chunks: Shape, *, slab: int) -> ContractStage:
    return ContractStage(
        Grid((*c.batch, *c.sides), chunks),
        slab=slab,
        a_batch=c.a.batch,
        b_batch=c.b.batch,
        a_transposed=c.a.transposed,
        b_transposed=c.b.transposed,
        a_vector=c.a.vector,
        b_vector=c.b.vector,
        dtype=c.compute,
        accumulate=c.accumulate,
        result=c.result,
        precision=limits.precision,
        mode=product_mode(c.result, limits.precision, limits.device),
    )


def _moved_bytes(stage: ContractStage, tiling: Tiling, sizes: ItemSizes) -> tuple[int, int]:
    """Return the bytes that all tasks copy to the device, and from it; those at the border are smaller."""
    into, out = 0, 0
    kinds = (_kinds(length, chunk) for length, chunk in zip(stage.grid.shape[-3:], stage.grid.chunks[-3:], strict=True))
    for (m, n_down), (n, n_across), (k, n_parts) in product(*kinds):
        task_in, task_out = link_bytes(replace(tiling, m=m, n=n, k=k), sizes)
        n_tasks = math.prod(stage.grid.shape[:-3]) * n_down * n_across * n_parts
        into, out = into + n_tasks * task_in, out + n_tasks * task_out
    return into, out


def _kinds(length: int, chunk: int) -> list[tuple[int, int]]:
    """Return the lengths of the chunks of a side, and how many there are of each."""
    n_whole, rest = divmod(length, chunk)
    return [(chunk, n_whole)] * bool(n_whole) + [(rest, 1)] * bool(rest)
