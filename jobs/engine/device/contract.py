"""Products on a device: a block's tiles of C one after another, each the sum of products of slabs of k, added in place.

::

    for each tile of C, for each slab l of k:
        a, b = slabs                       copied if they are not there; comp waits until they are
        l first:  C = a @ b                into one of two results: the other is still being copied out
        l later:  C += a @ b
        l last:   in stripes of rows, so that the first is on its way out while the last is computed
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ...arrays import Source
from ...blocks import Region, ceil_div, region_shape
from ...stages.inputs import panel_region
from ...stages.kernels import Partial
from ...stages.shapes import ContractStage
from ..pieces import tile_pieces, tile_region
from .arithmetic import Arithmetic, arithmetic_of
from .buffers import N_EVENTS, Layout, ResultSlot
from .feeder import Feeder
from .operand import Operand, file_order, typed_view
from .outlet import Outlet, Stripe
from .side import PreparedSide, Side, StoredSide
from .sink import ArraySink, Sink, TargetSink
from .task import Task

if TYPE_CHECKING:
    from .engine import Call, Engine

__all__ = ["Products", "contract_block", "plan_products", "stripe_rows"]

STRIPE_ROWS = 256
"""Fewest rows of a stripe: products of fewer are slow."""
STRIPE_MULTIPLE = 128


@dataclass(frozen=True, slots=True)
class Products:
    """What a block multiplies, in order.

    Parameters
    ----------
    tiles : tuple of Region
        ``(*batch, m, n)``, one matrix each.
    n_slabs : int
        Steps per tile.
    operands : (Operand, Operand)
        Of a and b, one region per step.
    transposed : (bool, bool)
        Of each operand's file.
    """

    tiles: tuple[Region, ...]
    n_slabs: int
    operands: tuple[Operand, Operand]
    transposed: tuple[bool, bool]

    @property
    def largest_tile(self) -> int:
        """Elements."""
        return max(math.prod(region_shape(tile)) for tile in self.tiles)


def plan_products(stage: ContractStage, index: int, sources: tuple[Source, ...], n_slots: int) -> Products:
    """Return what block `index` multiplies; operands that pass through have `n_slots` slots on the device."""
    tiles = tuple(matrix for tile in tile_pieces(stage, index) for matrix in _matrices(tile))
    k_start, k_stop = stage.grid.region(index)[-1]
    slabs = [(start, min(start + stage.slab, k_stop)) for start in range(k_start, k_stop, stage.slab)]
    operands, transposed = [], []
    for side, name in enumerate("ab"):
        regions = [panel_region(stage, side, tile, slab) for tile in tiles for slab in slabs]
        source, regions = file_order(sources[side], regions)
        held = max(len(slabs), n_slots) if stage.resident == name else n_slots
        operands.append(Operand.of(source, regions, held))
        is_reversed = sources[side].header.order == "F"
        transposed.append((stage.a_transposed, stage.b_transposed)[side] != is_reversed)
    return Products(tiles, len(slabs), (operands[0], operands[1]), (transposed[0], transposed[1]))


def stripe_rows(rows: int) -> list[tuple[int, int]]:
    """Return the stripes in which the last product of a tile is computed: 8 at most, a function of the tile alone.

    >>> stripe_rows(400)
    [(0, 400)]
    >>> stripe_rows(1000)
    [(0, 384), (384, 768), (768, 1000)]
    """
    n_stripes = max(min(rows // STRIPE_ROWS, N_EVENTS // 2), 1)
    height = ceil_div(ceil_div(rows, n_stripes), STRIPE_MULTIPLE) * STRIPE_MULTIPLE if n_stripes > 1 else rows
    return [(start, min(start + height, rows)) for start in range(0, rows, height)]


def contract_block(
    engine: Engine, stage: ContractStage, index: int, sources: tuple[Source, ...], call: Call
) -> Partial | None:
    """Compute block `index`; write its tiles, or return their sum as a partial where k is cut over several blocks."""
    products = plan_products(stage, index, sources, engine.settings.n_slabs)
    arithmetic = arithmetic_of(stage, engine.device)
    whole = stage.grid.region(index)[:-1]
    if stage.n_parts > 1 or call.target is None:
        sink: Sink = ArraySink(whole, np.dtype("f8"))
    else:
        sink = TargetSink(call.target)
    parts = sink if isinstance(sink, ArraySink) else None
    result = arithmetic.total if parts is not None else stage.result
    layout = _layout(engine, products, arithmetic, result, call)
    with sink.hold(), engine.task(layout, call, tf32=arithmetic.tf32) as task:
        feeder = Feeder(task, products.operands)
        outlet = Outlet(task, sink, result)
        run = _Run(task, outlet, arithmetic, result, _sides(task, feeder, products, arithmetic))
        for number, tile in enumerate(products.tiles):
            region = tile if parts is not None else tile_region(stage, tile)
            run.compute_tile(region, number * products.n_slabs, products.n_slabs)
        outlet.finish()
    return (parts.array,) if parts is not None else None


def _matrices(tile: Region) -> Iterator[Region]:
    *batch, rows, columns = tile
    for place in product(*(range(*bounds) for bounds in batch)):
        yield (*((i, i + 1) for i in place), rows, columns)


def _layout(engine: Engine, products: Products, arithmetic: Arithmetic, result: np.dtype[Any], call: Call) -> Layout:
    slots, scratch, n_largest = {}, {}, 0
    for name, operand in zip("ab", products.operands, strict=True):
        elements = operand.largest_elements
        slots[name] = (operand.n_slots, elements * operand.dtype.itemsize)
        n_largest = max(n_largest, slots[name][1])
        if not arithmetic.keeps(operand.dtype):
            scratch[name] = (1, elements * arithmetic.n_terms * arithmetic.operand.itemsize)
            scratch["mask"] = (1, max(elements, scratch.get("mask", (1, 0))[1]))
    if result != arithmetic.total:
        scratch["total"] = (1, products.largest_tile * arithmetic.total.itemsize)
    result_bytes = products.largest_tile * result.itemsize
    settings = engine.settings.within(call.staging_bytes, max(n_largest, ceil_div(result_bytes, N_EVENTS // 2)))
    return Layout(
        slots,
        results=(min(len(products.tiles), settings.n_results), result_bytes),
        pinned_in=(settings.n_in, settings.slot_bytes),
        pinned_out=(settings.n_out, settings.slot_bytes),
        scratch=scratch,
    )


def _sides(task: Task, feeder: Feeder, products: Products, arithmetic: Arithmetic) -> list[Side]:
    sides: list[Side] = []
    scratch = task.buffers.scratch
    for number, name in enumerate("ab"):
        operand = products.operands[number]
        stored = StoredSide(task, feeder, operand, task.buffers.slots[name], transposed=products.transposed[number])
        if arithmetic.keeps(operand.dtype):
            sides.append(stored)
        else:
            sides.append(PreparedSide(task, stored, scratch[name][0], scratch["mask"][0], arithmetic, side=number))
    return sides


class _Run:
    """The products of one task."""

    def __init__(
        self, task: Task, outlet: Outlet, arithmetic: Arithmetic, result: np.dtype[Any], sides: list[Side]
    ) -> None:
        self._task, self._outlet, self._sides, self._arithmetic, self._result = task, outlet, sides, arithmetic, result

    def compute_tile(self, region: Region, first_step: int, n_slabs: int) -> None:
        """Start the products of a tile, and let it be written to its region of the output."""
        result, total = None, self._total(region)
        for number in range(n_slabs):
            # the copies of the slabs first: they need not wait for room for the result
            a, b = (side.use(first_step + number) for side in self._sides)
            is_last = number == n_slabs - 1
            if result is None and (is_last or total is None):
                result = self._outlet.take()
            if total is None:
                assert result is not None
                total = typed_view(result.bytes, region_shape(region)[-2:], self._arithmetic.total)
            ended = result if is_last else None
            self._multiply(total, a, b, is_first=number == 0, ended=ended)
            for side in self._sides:
                side.release(first_step + number)
        assert result is not None
        self._outlet.send(result, self._stripes(result, region))

    def _total(self, region: Region) -> torch.Tensor | None:
        """Return where a tile is added up, or None where that is the result itself."""
        if self._result == self._arithmetic.total:
            return None
        return typed_view(self._task.buffers.scratch["total"][0], region_shape(region)[-2:], self._arithmetic.total)

    def _multiply(
        self, total: torch.Tensor, a: torch.Tensor, b: torch.Tensor, *, is_first: bool, ended: ResultSlot | None
    ) -> None:
        """Start a product; in stripes that go out one by one where the tile has `ended` with it."""
        comp, multiply = self._task.comp, self._task.device.multiply
        rows, columns = total.shape
        for number, (start, stop) in enumerate(stripe_rows(rows) if ended is not None else [(0, rows)]):
            stripe = total[start:stop]
            comp.run(partial(multiply, stripe, a[start:stop], b, is_first=is_first))
            if ended is None:
                continue
            if self._result != self._arithmetic.total:
                memory = ended.bytes[start * columns * self._result.itemsize :]
                comp.run(partial(typed_view(memory, tuple(stripe.shape), self._result).copy_, stripe))
            comp.stream.record(ended.computed[number])

    def _stripes(self, result: ResultSlot, region: Region) -> list[Stripe]:
        *batch, (first, last), columns = region
        stripes = []
        for event, (start, stop) in zip(result.computed, stripe_rows(last - first), strict=False):
            inner = (*batch, (first + start, first + stop), columns)
            stripes.append(Stripe(event, start * (columns[1] - columns[0]) * self._result.itemsize, inner))
        return stripes
