"""Reductions on a device: pieces read, copied and folded at once; their partials come back and are merged in order."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import array_api_compat.torch as xp
import numpy as np
import torch
from numpy.typing import NDArray

from ...arrays import Source, Writer
from ...blocks import Region, Shape, ceil_div, region_shape
from ...stages.kernels import Partial, ReduceKernel
from ...stages.shapes import ReduceStage
from ...tensors import numpy_dtype
from ..pieces import piece_groups
from .buffers import Layout, ResultSlot
from .channel import Channel
from .feeder import Feeder
from .operand import Operand, file_order, typed_view
from .task import Task

if TYPE_CHECKING:
    from .engine import Call, Engine

__all__ = ["reduce_block"]

_N_PARTS = 4
"""A piece fills so many pinned slots: the first is on its way while the last is read."""
_N_FOLDED = 3
"""Pieces whose partials may wait for their way back."""


@dataclass(frozen=True, slots=True)
class _Folded:
    """A piece whose partial is being computed.

    Parameters
    ----------
    turn : ResultSlot
        Its event; it has no memory of its own: what a kernel returns lies where torch put it.
    parts : list
        The partial's tensors, once they are computed.
    ends : Region or None
        The region of the output that is whole with this piece.
    """

    turn: ResultSlot
    ends: Region | None
    parts: list[torch.Tensor] = field(default_factory=list)


def reduce_block(engine: Engine, stage: ReduceStage, index: int, source: Source, call: Call) -> Partial | None:
    """Reduce block `index`; write its region of the output, or return its partial where it is one part of several."""
    groups = piece_groups(stage, index)
    pieces = [region for group in groups for region in group]
    ends = [stage.kept(group[0]) if region is group[-1] else None for group in groups for region in group]
    operand = Operand.of(*file_order(source, pieces), engine.settings.n_slabs)
    piece_bytes = operand.largest_elements * operand.dtype.itemsize
    settings = engine.settings.within(call.staging_bytes, ceil_div(piece_bytes, _N_PARTS))
    layout = Layout(
        {"piece": (operand.n_slots, piece_bytes)},
        results=(min(len(pieces), _N_FOLDED), 0),
        pinned_in=(settings.n_in, settings.slot_bytes),
        pinned_out=(1, settings.slot_bytes),
    )
    with engine.task(layout, call) as task:
        feeder, collector = Feeder(task, [operand]), _Collector(task, stage, call)
        for step, region in enumerate(pieces):
            slot = task.buffers.slots["piece"][operand.uses[step].slot]
            feeder.fetch(slot)
            task.comp.stream.wait(slot.ready)
            piece = typed_view(slot.bytes, region_shape(operand.regions[step]), operand.dtype)
            if operand.source.header.order != source.header.order:
                piece = piece.permute(*reversed(range(piece.ndim)))
            folded = _Folded(collector.take(), ends[step])
            origin = tuple(start for start, _ in region)
            task.comp.run(partial(_fold, stage.kernel, piece, stage.axes, origin, folded.parts))
            task.comp.stream.record(slot.last_use)
            task.comp.stream.record(folded.turn.computed[0])
            collector.send(folded)
        return collector.finish()


def _fold(
    kernel: ReduceKernel, piece: torch.Tensor, axes: tuple[int, ...], origin: Shape, parts: list[torch.Tensor]
) -> None:
    memory = piece.untyped_storage().data_ptr()
    for part in kernel.fold(xp, piece, axes, origin):
        # packed, so that it is copied as bytes; and no view of a slot that the next piece is copied to
        packed = part.resolve_conj().resolve_neg().contiguous()
        parts.append(packed.clone() if packed.untyped_storage().data_ptr() == memory else packed)


class _Collector:
    """Takes partials off the device and merges them, in the order of the pieces, in a thread of its own."""

    def __init__(self, task: Task, stage: ReduceStage, call: Call) -> None:
        self._task, self._stage, self._call = task, stage, call
        self._free = Channel[ResultSlot](tuple(task.buffers.results[: task.layout.results[0]]))
        self._folded = Channel[_Folded]()
        self._partial: Partial | None = None
        task.crew.watch(self._free, self._folded)
        task.crew.start(self._collect_all, name="collector")

    def take(self) -> ResultSlot:
        """Return the turn of a piece that is folded next, as soon as there is one."""
        return self._free.take()

    def send(self, folded: _Folded) -> None:
        """Let a partial be merged, whose fold has been started."""
        self._folded.put(folded)

    def finish(self) -> Partial | None:
        """Return the partial of the block, or None where it was written."""
        self._folded.close()
        self._task.crew.join()
        return self._partial

    def _collect_all(self) -> None:
        stage, target = self._stage, self._call.target
        with ExitStack() as stack:
            writer = stack.enter_context(target.open()) if target is not None and stage.n_parts == 1 else None
            for folded in self._folded:
                folded.turn.computed[0].synchronize()
                part = tuple(self._fetch(tensor, folded.turn) for tensor in folded.parts)
                folded.parts.clear()
                self._free.put(folded.turn)
                self._partial = part if self._partial is None else stage.kernel.merge(self._partial, part)
                if writer is not None and folded.ends is not None:
                    self._write(writer, folded.ends)

    def _write(self, writer: Writer, region: Region) -> None:
        assert self._partial is not None
        block = self._stage.kernel.finish(self._partial).reshape(region_shape(region))
        self._partial = None
        with self._task.writing.busy():
            self._task.writing.add_bytes(writer.write(region, block))

    def _fetch(self, tensor: torch.Tensor, turn: ResultSlot) -> NDArray[Any]:
        """Return a tensor in memory of its own."""
        task = self._task
        slot = task.buffers.pinned("out", 1)[0]
        array = np.empty(tuple(tensor.shape), numpy_dtype(tensor.dtype))
        target, source = array.reshape(-1).view(np.uint8), tensor.reshape(-1).view(torch.uint8)
        for start in range(0, array.nbytes, slot.bytes.nbytes):
            stop = min(start + slot.bytes.nbytes, array.nbytes)
            task.d2h.stream.wait(turn.computed[0])
            task.d2h.copy(task.device, slot.bytes[: stop - start], source[start:stop])
            task.d2h.stream.record(slot.done)
            slot.done.synchronize()
            target[start:stop] = slot.array((stop - start,), np.dtype(np.uint8))
            task.device.scrub(slot.bytes)
        return array
