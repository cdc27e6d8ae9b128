"""One warm engine per process and device: memory, streams and events that survive tasks."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass

from ...arrays import Source, Target
from ...stages.kernels import Partial
from ...stages.shapes import ContractStage, MapStage, ReduceStage
from ..clock import Clock, Step
from ..stored import StoredTarget
from .buffers import Buffers, Layout
from .channel import Stopped
from .contract import contract_block
from .device import Device
from .mapping import map_block
from .meter import StreamMeter
from .reduction import reduce_block
from .settings import Settings
from .task import Task

__all__ = ["Call", "Engine"]


@dataclass(frozen=True, slots=True)
class Call:
    """What a block is computed into.

    Parameters
    ----------
    target : Target, StoredTarget or None
        None where the block returns a partial.
    clock : Clock
    staging_bytes : int
        Most host memory for pinned slots; 0: a tenth of the machine's.
    """

    target: Target | StoredTarget | None
    clock: Clock
    staging_bytes: int = 0


class Engine:
    """Runs blocks on a device, one at a time: a second thread's block waits.

    Parameters
    ----------
    device : Device
    settings : Settings, optional
    """

    def __init__(self, device: Device, settings: Settings | None = None) -> None:
        self.device, self.settings = device, settings or Settings()
        self._lock = threading.RLock()
        self._buffers = Buffers(device)
        self._meters: tuple[StreamMeter, StreamMeter, StreamMeter] | None = None

    def run(
        self, stage: MapStage | ReduceStage | ContractStage, index: int, sources: tuple[Source, ...], call: Call
    ) -> Partial | None:
        """Compute block `index` of a stage that suits (`suits.py`); write it, or return its partial."""
        if isinstance(stage, ContractStage):
            return contract_block(self, stage, index, sources, call)
        if isinstance(stage, ReduceStage):
            return reduce_block(self, stage, index, sources[0], call)
        map_block(self, stage, index, sources, call)
        return None

    @contextmanager
    def task(self, layout: Layout, call: Call, *, tf32: bool | None = None) -> Iterator[Task]:
        """Have the engine, with the memory for a task, until all that the task started is done.

        TF32 is allowed or forbidden meanwhile; None leaves it as the worker's precision has it, for kernels.
        Whatever fails, in this thread or another, stops every thread, is raised here, and leaves the engine usable.
        """
        with self._lock, nullcontext() if tf32 is None else self.device.tf32(tf32):
            h2d, comp, d2h = meters = self._streams()
            if self._buffers.reserve(layout, call.staging_bytes):
                for meter in meters:
                    self.device.follow(meter.stream)
            task = Task(
                self.device, self._buffers, layout, h2d, comp, d2h, self.settings.n_readers, self.settings.n_writers
            )
            try:
                yield task
                task.crew.join()
                self.device.synchronize()
            except BaseException as error:
                cause = self._settle(task)
                if isinstance(error, Stopped) and cause is not None:
                    raise cause from None
                raise
            _count(task, call.clock)

    def release(self) -> None:
        """Give all memory back, between two tasks."""
        with self._lock:
            self._buffers.clear()

    def close(self) -> None:
        """Give all memory back and end what the device runs behind."""
        with self._lock:
            self._buffers.clear()
            self._meters = None
            self.device.close()

    def _streams(self) -> tuple[StreamMeter, StreamMeter, StreamMeter]:
        if self._meters is None:
            h2d, comp, d2h = (StreamMeter(self.device, self.device.stream(name)) for name in ("h2d", "comp", "d2h"))
            self._meters = (h2d, comp, d2h)
        return self._meters

    def _settle(self, task: Task) -> BaseException | None:
        """Wait until nothing of a failed task runs any more, and return what one of its threads raised."""
        task.crew.stop()
        cause: BaseException | None = None
        while True:
            try:
                task.crew.join()
                break
            except BaseException as error:  # noqa: BLE001 - the first is what the task raises
                cause = cause or error
        try:
            self.device.synchronize()
        except Exception as error:  # noqa: BLE001 - a device that failed fails here again
            cause = cause or error
        for meter in (task.h2d, task.comp, task.d2h):
            meter.forget()
        return cause


def _count(task: Task, clock: Clock) -> None:
    """Add to a block's clock how long each stage was busy, and what was moved."""
    clock.bytes_read += task.reading.n_bytes
    clock.bytes_written += task.writing.n_bytes
    seconds: dict[Step, float] = {
        "read": task.reading.seconds,
        "to_device": task.h2d.finish(),
        "compute": task.comp.finish(),
        "from_device": task.d2h.finish(),
        "write": task.writing.seconds,
    }
    for step, taken_s in seconds.items():
        clock.seconds[step] = clock.seconds.get(step, 0.0) + taken_s
