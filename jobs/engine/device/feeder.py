"""The way in: threads read regions into pinned slots, in the order of the steps, and a stream copies them on.

A reader takes a slot first and the next region then, both under one lock: so the regions that wait for a slot are never
ahead of one that has none, and the pipeline cannot stick.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from ...arrays import Reader
from ...blocks import Region, region_shape
from .buffers import DeviceSlot, PinnedSlot
from .channel import Channel, Shelf
from .operand import Operand, cut_region
from .task import Task

__all__ = ["Feeder"]


@dataclass(frozen=True, slots=True)
class _Piece:
    """A part of a region that fits in a pinned slot."""

    operand: Operand
    region: Region
    start: int
    n_bytes: int


class Feeder:
    """Reads all that the steps of a task need, and copies it to the device as far as there is room.

    Parameters
    ----------
    task : Task
    operands : sequence of Operand
        At each step they are fetched in this order.
    """

    def __init__(self, task: Task, operands: Sequence[Operand]) -> None:
        n_slots, slot_bytes = task.layout.pinned_in
        self._task = task
        self._loads = _plan_loads(operands, slot_bytes)
        self._pieces = [piece for load in self._loads for piece in load]
        self._free = Channel[PinnedSlot](tuple(task.buffers.pinned("in", n_slots)))
        self._filled = Shelf[PinnedSlot]()
        self._turn = threading.Lock()
        self._next_read = self._next_load = self._next_piece = 0
        task.crew.watch(self._free, self._filled)
        for number in range(min(task.n_readers, len(self._pieces))):
            task.crew.start(self._read_all, name=f"reader{number}")

    def fetch(self, slot: DeviceSlot) -> None:
        """Start the copy of the next region into a slot, once what was there has been used."""
        task = self._task
        task.h2d.stream.wait(slot.last_use)
        task.device.scrub(slot.bytes, task.h2d.stream)
        for piece in self._loads[self._next_load]:
            pinned = self._filled.take(self._next_piece)
            self._next_piece += 1
            target, source = slot.bytes[piece.start : piece.start + piece.n_bytes], pinned.bytes[: piece.n_bytes]
            task.h2d.copy(task.device, target, source)
            task.h2d.stream.record(pinned.done)
            self._free.put(pinned)
        self._next_load += 1
        task.h2d.stream.record(slot.ready)

    def _read_all(self) -> None:
        task = self._task
        readers: dict[int, Reader] = {}
        with ExitStack() as stack:
            while True:
                with self._turn:
                    if self._next_read == len(self._pieces):
                        return
                    slot = self._free.take()
                    number, self._next_read = self._next_read, self._next_read + 1
                # its last copy may still be under way
                slot.done.synchronize()
                task.device.scrub(slot.bytes)
                piece = self._pieces[number]
                source = piece.operand.source
                with task.reading.busy():
                    if id(source) not in readers:
                        readers[id(source)] = stack.enter_context(source.open())
                    array = slot.array(region_shape(piece.region), piece.operand.dtype)
                    task.reading.add_bytes(readers[id(source)].read(piece.region, array))
                self._filled.put(number, slot)


def _plan_loads(operands: Sequence[Operand], slot_bytes: int) -> list[list[_Piece]]:
    loads = []
    for step in range(len(operands[0].uses)):
        for operand in operands:
            if not operand.uses[step].is_load:
                continue
            itemsize, load = operand.dtype.itemsize, []
            parts = cut_region(operand.regions[step], itemsize, slot_bytes)
            for region, start in parts:
                load.append(_Piece(operand, region, start, math.prod(region_shape(region)) * itemsize))
            loads.append(load)
    return loads
