"""Map stages on a device: pieces read, copied, computed, copied back and written, all at once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import array_api_compat.torch as xp
import torch

from ...arrays import Source
from ...blocks import Region, ceil_div, region_shape
from ...stages.kernels import MapKernel
from ...stages.shapes import MapStage
from ..pieces import map_pieces
from .buffers import Layout
from .feeder import Feeder
from .operand import Operand, file_order, typed_view
from .outlet import Outlet, Stripe
from .sink import TargetSink
from .task import Task

if TYPE_CHECKING:
    from .engine import Call, Engine

__all__ = ["map_block"]

_N_PARTS = 4
"""A piece fills so many pinned slots: the first is on its way while the last is read."""


def map_block(engine: Engine, stage: MapStage, index: int, sources: tuple[Source, ...], call: Call) -> None:
    """Compute block `index` and write it."""
    assert call.target is not None
    pieces = map_pieces(stage, index)
    settings = engine.settings
    wanted = [stage.operand_regions(piece) for piece in pieces]
    operands = [
        Operand.of(*file_order(source, [regions[number] for regions in wanted]), settings.n_slabs)
        for number, source in enumerate(sources)
    ]
    dtype = call.target.header.dtype.newbyteorder("=")
    result_bytes = max(math.prod(region_shape(piece)) for piece in pieces) * dtype.itemsize
    slots = {
        f"operand{number}": (operand.n_slots, operand.largest_elements * operand.dtype.itemsize)
        for number, operand in enumerate(operands)
    }
    largest = max(result_bytes, *(n_bytes for _, n_bytes in slots.values()))
    settings = settings.within(call.staging_bytes, ceil_div(largest, _N_PARTS))
    layout = Layout(
        slots,
        results=(min(len(pieces), settings.n_results), result_bytes),
        pinned_in=(settings.n_in, settings.slot_bytes),
        pinned_out=(settings.n_out, settings.slot_bytes),
    )
    sink = TargetSink(call.target)
    with sink.hold(), engine.task(layout, call) as task:
        feeder, outlet = Feeder(task, operands), Outlet(task, sink, dtype)
        for step, piece in enumerate(pieces):
            blocks = _use(task, feeder, operands, sources, step)
            result = outlet.take()
            out = typed_view(result.bytes, region_shape(piece), dtype)
            task.comp.run(partial(_apply, stage.kernel, blocks, out, piece))
            task.comp.stream.record(result.computed[0])
            for number, operand in enumerate(operands):
                task.comp.stream.record(task.buffers.slots[f"operand{number}"][operand.uses[step].slot].last_use)
            outlet.send(result, [Stripe(result.computed[0], 0, piece)])
        outlet.finish()


def _use(
    task: Task, feeder: Feeder, operands: Sequence[Operand], sources: Sequence[Source], step: int
) -> list[torch.Tensor]:
    blocks = []
    for number, (operand, source) in enumerate(zip(operands, sources, strict=True)):
        use = operand.uses[step]
        slot = task.buffers.slots[f"operand{number}"][use.slot]
        if use.is_load:
            feeder.fetch(slot)
        task.comp.stream.wait(slot.ready)
        block = typed_view(slot.bytes, region_shape(operand.regions[step]), operand.dtype)
        # as the stage sees it: with the axes of the source, however it lies
        blocks.append(block if operand.source.header.order == source.header.order else _reversed(block))
    return blocks


def _reversed(block: torch.Tensor) -> torch.Tensor:
    return block.permute(*reversed(range(block.ndim)))


def _apply(kernel: MapKernel, blocks: Sequence[torch.Tensor], out: torch.Tensor, region: Region) -> None:
    result: Any = kernel.apply(xp, blocks, region)
    if result.dtype != out.dtype or result.shape != out.shape:
        raise TypeError(
            f"a kernel gave {result.dtype} of shape {tuple(result.shape)} for {out.dtype} of shape {tuple(out.shape)}"
        )
    out.copy_(result)
