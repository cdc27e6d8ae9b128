"""Blocks through the GPU engine on the fake device: random schedules, and devices that forget to wait."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray

from arraymill.jobs.arrays import MemorySource, MemoryTarget, Target
from arraymill.jobs.blocks import Grid
from arraymill.jobs.engine.clock import Clock
from arraymill.jobs.engine.device import Call, Engine, FakeDevice, Settings
from arraymill.jobs.engine.device.device import Event, EventName
from arraymill.jobs.engine.device.fake_stream import FakeEvent, FakeStream
from arraymill.jobs.engine.stored import StoredTarget
from arraymill.jobs.stages.shapes import ContractStage, MapStage, ReduceStage

F4 = np.dtype("f4")


class ForgetfulEvent(FakeEvent):
    """An event that nobody waits for."""

    __slots__ = ()

    def synchronize(self) -> None:
        self._faults.check()


class ForgetfulDevice(FakeDevice):
    """A device on which waits for events of one name are left out: an engine with a bug.

    Parameters
    ----------
    without : EventName
    """

    def __init__(self, without: EventName, *, seed: int, longest_delay_s: float) -> None:
        self.without = without
        super().__init__(seed=seed, longest_delay_s=longest_delay_s)

    def event(self, name: EventName) -> FakeEvent:
        return (ForgetfulEvent if name == self.without else FakeEvent)(name, self._faults)

    def stream(self, name: str) -> FakeStream:
        stream = super().stream(name)
        stream.wait = self._waiting(stream)  # type: ignore[method-assign]
        if name == "default":
            # its only work is to poison what was allocated, which is soon done
            stream._longest_delay_s *= 10
        return stream

    def _waiting(self, stream: FakeStream) -> Any:
        def wait(event: Event) -> None:
            if not isinstance(event, ForgetfulEvent):
                FakeStream.wait(stream, event)

        return wait


@dataclass(frozen=True, slots=True)
class Schedule:
    """A small product, and an engine of some size to compute it."""

    seed: int
    m: int
    k: int
    n: int
    stage: ContractStage
    settings: Settings
    longest_delay_s: float

    def operands(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return a and b as they are stored: small integers, so that every order of addition has the same bits."""
        rng = np.random.default_rng(self.seed)
        a, b = (rng.integers(-8, 9, shape).astype("f4") for shape in ((self.m, self.k), (self.k, self.n)))
        return (
            np.ascontiguousarray(a.T) if self.stage.a_transposed else a,
            np.ascontiguousarray(b.T) if self.stage.b_transposed else b,
        )

    def sources(self) -> tuple[MemorySource, MemorySource]:
        a, b = self.operands()
        return MemorySource("a", a), MemorySource("b", b)

    def expected(self) -> NDArray[Any]:
        a, b = self.operands()
        return (a.T if self.stage.a_transposed else a) @ (b.T if self.stage.b_transposed else b)

    def device(self) -> FakeDevice:
        return FakeDevice(seed=self.seed, longest_delay_s=self.longest_delay_s)


def random_schedule(seed: int, *, longest_delay_s: float = 3e-4) -> Schedule:
    """Return a schedule of few steps: sizes, slots, threads, order and resident panel are drawn."""
    draw = Random(seed)
    m, k, n = (draw.randint(2, 16) for _ in range(3))
    rows, columns, slab = (draw.randint((length + 3) // 4, length) for length in (m, n, k))
    resident = draw.choice(["none", "a", "b"])
    stage = product_stage(
        m, k, n, tile=(rows, columns), slab=slab, a_transposed=draw.random() < 0.3, b_transposed=draw.random() < 0.3,
        order={"a": "rows", "b": "columns"}.get(resident) or draw.choice(["rows", "columns"]), resident=resident,
        mode=draw.choice(["ieee", "ieee", "tf32", "3xtf32", "bf16", "fp64acc"]),
    )  # fmt: skip
    settings = Settings(
        slot_bytes=draw.choice([32, 64, 256, 1024]), n_in=draw.randint(1, 4), n_out=draw.randint(1, 3),
        n_readers=draw.randint(1, 3), n_writers=draw.randint(1, 3), n_slabs=draw.randint(1, 3),
        n_results=draw.randint(1, 2),
    )  # fmt: skip
    return Schedule(seed, m, k, n, stage, settings, longest_delay_s)


def product_stage(m: int, k: int, n: int, *, tile: tuple[int, int], slab: int, **fields: Any) -> ContractStage:
    """Return a stage of one block, in float32 but for the given fields."""
    wide = np.dtype("f8") if fields.get("mode") == "fp64acc" else F4
    defaults: dict[str, Any] = {"a_transposed": False, "b_transposed": False, "a_vector": False, "b_vector": False}
    defaults |= {"a_batch": (), "b_batch": (), "dtype": wide, "accumulate": wide, "result": F4}
    return ContractStage(Grid((m, n, k), (m, n, k)), slab=slab, pieces=tile, **(defaults | fields))


def run_stage(
    engine: Engine,
    stage: MapStage | ReduceStage | ContractStage,
    sources: tuple[MemorySource, ...],
    target: Target | StoredTarget | None,
    index: int = 0,
) -> tuple[Any, Clock]:
    """Return the partial of a block and where its time went."""
    clock = Clock()
    partial = engine.run(stage, index, sources, Call(target, clock))
    return partial, clock


def run_schedule(schedule: Schedule, device: FakeDevice) -> NDArray[Any]:
    """Return the product of a schedule, by a new engine."""
    engine = Engine(device, schedule.settings)
    try:
        return product_of(engine, schedule)
    finally:
        engine.close()


def product_of(engine: Engine, schedule: Schedule) -> NDArray[Any]:
    """Return the product of a schedule."""
    out = np.full((schedule.m, schedule.n), np.nan, F4)
    run_stage(engine, schedule.stage, schedule.sources(), MemoryTarget(out))
    return out
