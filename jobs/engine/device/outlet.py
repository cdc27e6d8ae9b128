"""The way out: a stream copies stripes of results into pinned slots, and threads write them.

The thread that starts the copies is not the one that starts products: a full disk queue must not keep the next tile
from being computed.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...blocks import Region, region_shape
from .buffers import PinnedSlot, ResultSlot
from .channel import Channel
from .device import Event
from .operand import cut_region
from .sink import Sink
from .task import Task

__all__ = ["Outlet", "Stripe"]

REOPEN_BYTES = 256 << 20
"""A writer is closed and opened again after so much: then the system begins to write it to disk, before so much of the
memory waits for that that it stops every writer."""


@dataclass(frozen=True, slots=True)
class Stripe:
    """A part of a result that is computed before the rest.

    Parameters
    ----------
    computed : Event
    start : int
        Where it begins in the result, in bytes.
    region : Region
        Of the output; packed in C order.
    """

    computed: Event
    start: int
    region: Region


@dataclass(frozen=True, slots=True)
class _Copied:
    slot: PinnedSlot
    number: int
    region: Region


class Outlet:
    """Takes results off the device and writes them.

    Parameters
    ----------
    task : Task
    sink : Sink
    dtype : numpy.dtype
        Of the results on the device.
    """

    def __init__(self, task: Task, sink: Sink, dtype: np.dtype[Any]) -> None:
        n_slots, self._slot_bytes = task.layout.pinned_out
        self._task, self._sink, self._dtype = task, sink, dtype
        self._free = Channel[ResultSlot](tuple(task.buffers.results[: task.layout.results[0]]))
        self._full = Channel[tuple[ResultSlot, Sequence[Stripe]]]()
        self._empty = Channel[PinnedSlot](tuple(task.buffers.pinned("out", n_slots)))
        self._copied = Channel[_Copied]()
        task.crew.watch(self._free, self._full, self._empty, self._copied)
        task.crew.start(self._drain_all, name="drainer")
        for number in range(task.n_writers):
            task.crew.start(self._write_all, name=f"writer{number}")

    def take(self) -> ResultSlot:
        """Return a result to compute next; what is started on `comp` from now on comes after it was drained."""
        result = self._free.take()
        self._task.comp.stream.wait(result.drained)
        self._task.device.scrub(result.bytes, self._task.comp.stream)
        return result

    def send(self, result: ResultSlot, stripes: Sequence[Stripe]) -> None:
        """Let a result be written, whose products have been started."""
        self._full.put((result, stripes))

    def finish(self) -> None:
        """Wait until everything is written; raise what went wrong in any thread of the task."""
        self._full.close()
        self._task.crew.join()

    def _drain_all(self) -> None:
        task, number = self._task, 0
        for result, stripes in self._full:
            for stripe in stripes:
                task.d2h.stream.wait(stripe.computed)
                for region, start in cut_region(stripe.region, self._dtype.itemsize, self._slot_bytes):
                    slot = self._empty.take()
                    n_bytes = slot.array(region_shape(region), self._dtype).nbytes
                    first = stripe.start + start
                    task.d2h.copy(task.device, slot.bytes[:n_bytes], result.bytes[first : first + n_bytes])
                    task.d2h.stream.record(slot.done)
                    self._copied.put(_Copied(slot, number, region))
                    number += 1
            task.d2h.stream.record(result.drained)
            self._free.put(result)
        self._copied.close()

    def _write_all(self) -> None:
        task, n_open_bytes = self._task, 0
        with ExitStack() as stack:
            writer = stack.enter_context(self._sink.open())
            for piece in self._copied:
                if n_open_bytes >= REOPEN_BYTES:
                    with task.writing.busy():
                        stack.close()
                        writer, n_open_bytes = stack.enter_context(self._sink.open()), 0
                piece.slot.done.synchronize()
                with task.writing.busy():
                    block = piece.slot.array(region_shape(piece.region), self._dtype)
                    n_bytes = self._sink.put(writer, piece.number, piece.region, block)
                task.writing.add_bytes(n_bytes)
                n_open_bytes += n_bytes
                task.device.scrub(piece.slot.bytes)
                self._empty.put(piece.slot)
            with task.writing.busy():
                stack.close()
