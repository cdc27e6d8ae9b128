"""Reductions and maps through the pipeline: the same result for every schedule, and waits that are missed."""

from __future__ import annotations

from random import Random
from typing import Any

import numpy as np
import pytest
from device_engine import ForgetfulDevice, run_stage
from in_process_jobs import plan_arrays

from arraymill.jobs.arrays import MemorySource, MemoryTarget
from arraymill.jobs.engine.device import Engine, FakeDevice, Settings
from arraymill.jobs.engine.device.device import EventName

N_SCHEDULES = 120


def random_job(seed: int) -> tuple[Any, tuple[MemorySource, ...], MemoryTarget | None, Any, Settings]:
    """Return a stage of one or more blocks, its sources and target, the expected result and settings."""
    draw, rng = Random(seed), np.random.default_rng(seed)
    shape = (draw.randint(2, 30), draw.randint(2, 30))
    x, y = (rng.integers(-99, 99, shape).astype(draw.choice(["f4", "f8", "i4"])) for _ in range(2))
    name, params, arrays, expected = draw.choice([
        ("sum", {"axis": 1}, [x], x.sum(axis=1)),
        ("max", {"axis": 0}, [x], x.max(axis=0)),
        ("map", {"expr": "x * 2 - y"}, [x, y], x * 2 - y),
        ("map", {"expr": "x - y"}, [x, y[0]], x - y[0]),
    ])  # fmt: skip
    plan = plan_arrays(name, arrays, params, backend="fake", block_bytes=1 << 20)
    stage: Any = plan.stage
    sources = tuple(MemorySource(letter, array) for letter, array in zip("xy", arrays, strict=False))
    settings = Settings(
        slot_bytes=draw.choice([32, 64, 256]), n_in=draw.randint(1, 4), n_out=draw.randint(1, 3),
        n_readers=draw.randint(1, 3), n_writers=draw.randint(1, 3), n_slabs=draw.randint(1, 3),
        n_results=draw.randint(1, 2),
    )  # fmt: skip
    assert stage.grid.n_blocks == 1
    stage = cut(stage, draw)
    target = MemoryTarget(np.full(plan.output.shape, 113, plan.output.dtype)) if stage.n_parts == 1 else None
    return stage, sources, target, expected, settings


def cut(stage: Any, draw: Random) -> Any:
    """Return the stage with smaller pieces."""
    pieces = tuple(draw.randint((n + 3) // 4, n) for n in stage.pieces)
    fields = {name: getattr(stage, name) for name in stage.__dataclass_fields__}
    return type(stage)(**(fields | {"pieces": pieces}))


def gives_the_answer(seed: int, device: FakeDevice) -> bool:
    stage, sources, target, expected, settings = random_job(seed)
    engine = Engine(device, settings)
    try:
        partial, _ = run_stage(engine, stage, sources, target)
    finally:
        engine.close()
    found = stage.kernel.finish(partial) if target is None else target.array
    return np.array_equal(found, expected)


@pytest.mark.parametrize("group", range(6))
def test_every_schedule_gives_the_same_result(group: int) -> None:
    wrong = [
        seed
        for seed in range(group, N_SCHEDULES, 6)
        if not gives_the_answer(seed, FakeDevice(seed=seed, longest_delay_s=3e-4))
    ]
    assert wrong == []


GUARDS: tuple[EventName, ...] = ("allocated", "h2d_done", "ready", "last_use", "computed", "copied", "drained")


@pytest.mark.parametrize("guard", GUARDS)
def test_a_wait_that_is_left_out_is_noticed(guard: EventName) -> None:
    assert any(fails_without(guard, seed) for seed in range(60))


def fails_without(guard: EventName, seed: int) -> bool:
    try:
        return not gives_the_answer(seed, ForgetfulDevice(guard, seed=seed, longest_delay_s=2e-3))
    except (IndexError, ValueError, TypeError):
        # a partial that is not there yet has no parts
        return True


def test_bytes_over_the_link() -> None:
    x = np.ones((40, 30), "f4")
    stage: Any = plan_arrays("map", [x, x[0]], {"expr": "x + y"}, backend="fake").stage
    device = FakeDevice()
    engine = Engine(device, Settings(slot_bytes=256, n_in=2, n_out=2, n_readers=1, n_writers=1))
    target = MemoryTarget(np.empty((40, 30), "f4"))
    _, clock = run_stage(engine, stage, (MemorySource("x", x), MemorySource("y", x[0])), target)
    engine.close()
    assert device.copied_bytes == {"h2d": x.nbytes + x[0].nbytes, "d2h": x.nbytes}
    assert clock.bytes_read == x.nbytes + x[0].nbytes
