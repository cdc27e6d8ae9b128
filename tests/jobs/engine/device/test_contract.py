"""Products through the pipeline: the same bits for every schedule, and errors within what the arithmetic promises."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest
import torch
from device_engine import (
    F4,
    ForgetfulDevice,
    Schedule,
    product_of,
    product_stage,
    random_schedule,
    run_schedule,
    run_stage,
)

from arraymill.jobs.arrays import MemorySource, MemoryTarget
from arraymill.jobs.blocks import Grid
from arraymill.jobs.engine.device import Engine, FakeDevice, Settings, outlet
from arraymill.jobs.engine.device import contract as contract_module
from arraymill.jobs.engine.device.contract import plan_products, stripe_rows
from arraymill.jobs.engine.device.device import EventName
from arraymill.jobs.operations.products.traffic import Tiling, moved_elements

N_SCHEDULES = 500
N_GROUPS = 20


@pytest.fixture(autouse=True)
def small_stripes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contract_module, "STRIPE_ROWS", 3)
    monkeypatch.setattr(contract_module, "STRIPE_MULTIPLE", 1)
    monkeypatch.setattr(outlet, "REOPEN_BYTES", 100)


@pytest.mark.parametrize("group", range(N_GROUPS))
def test_every_schedule_gives_the_same_bits(group: int) -> None:
    for seed in range(group, N_SCHEDULES, N_GROUPS):
        schedule = random_schedule(seed)
        np.testing.assert_array_equal(run_schedule(schedule, schedule.device()), schedule.expected(), str(schedule))


GUARDS: tuple[EventName, ...] = ("allocated", "h2d_done", "ready", "last_use", "computed", "copied", "drained")


@pytest.mark.parametrize("guard", GUARDS)
def test_a_wait_that_is_left_out_is_noticed(guard: EventName) -> None:
    seeds = range(60)
    assert any(gives_wrong_bits(random_schedule(seed, longest_delay_s=2e-3), guard) for seed in seeds)


def gives_wrong_bits(schedule: Schedule, without: EventName) -> bool:
    device = ForgetfulDevice(without, seed=schedule.seed, longest_delay_s=schedule.longest_delay_s)
    return not np.array_equal(run_schedule(schedule, device), schedule.expected())


def test_an_engine_is_used_again_and_allocates_nothing() -> None:
    schedules = [random_schedule(seed) for seed in range(8)]
    device = FakeDevice(seed=1, longest_delay_s=1e-4)
    engine = Engine(device, Settings(slot_bytes=64, n_in=3, n_out=2, n_readers=2, n_writers=2))
    n_allocations = []
    for schedule in (schedules[0], schedules[0], *schedules, schedules[-1]):
        np.testing.assert_array_equal(product_of(engine, schedule), schedule.expected())
        n_allocations.append(device.n_allocations)
    engine.close()
    assert n_allocations[0] == n_allocations[1] == n_allocations[2]
    assert n_allocations[-1] == n_allocations[-2]


def test_blocks_of_one_stage_share_their_memory() -> None:
    a, b = (np.ones((12, 12), F4) for _ in range(2))
    stage = product_stage(12, 12, 12, tile=(4, 4), slab=5)
    stage = type(stage)(Grid((12, 12, 12), (5, 7, 12)), **{
        name: getattr(stage, name) for name in stage.__dataclass_fields__ if name != "grid"
    })  # fmt: skip
    device = FakeDevice()
    engine = Engine(device, Settings(slot_bytes=64, n_in=3, n_out=2, n_readers=1, n_writers=1))
    out = np.full((12, 12), np.nan, F4)
    counts = []
    for index in range(stage.grid.n_blocks):
        run_stage(engine, stage, (MemorySource("a", a), MemorySource("b", b)), MemoryTarget(out), index)
        counts.append(device.n_allocations)
    engine.close()
    np.testing.assert_array_equal(out, a @ b)
    assert len(set(counts)) == 1


@pytest.mark.parametrize("resident", ["none", "a", "b"])
@pytest.mark.parametrize("slab", [3, 6, 12])
def test_bytes_over_the_link_are_those_of_the_plan(resident: Any, slab: int) -> None:
    m, k, n, rows, columns = 12, 12, 18, 4, 6
    order: Any = "columns" if resident == "b" else "rows"
    stage = product_stage(m, k, n, tile=(rows, columns), slab=slab, order=order, resident=resident)
    rng = np.random.default_rng(0)
    a, b = (rng.integers(-4, 5, shape).astype(F4) for shape in ((m, k), (k, n)))
    sources = (MemorySource("a", a), MemorySource("b", b))
    device = FakeDevice()
    engine = Engine(device, Settings(slot_bytes=64, n_in=3, n_out=2, n_readers=1, n_writers=1, n_slabs=2))
    out = np.empty((m, n), F4)
    _, clock = run_stage(engine, stage, sources, MemoryTarget(out))
    engine.close()
    moved = 4 * sum(moved_elements(Tiling(m, n, k, rows, columns, slab, order, resident)))
    assert device.copied_bytes == {"h2d": moved, "d2h": 4 * m * n}
    assert (clock.bytes_read, clock.bytes_written) == (moved, 4 * m * n)
    assert sum(operand.link_bytes for operand in plan_products(stage, 0, sources, 2).operands) == moved
    if slab == 3 and resident == "a":
        # A once, B once per row of tiles
        assert moved == 4 * (m * k + (m // rows) * k * n)


def errors(mode: str, k: int = 2048) -> float:
    """Return the largest error of a product, relative to |a| @ |b|."""
    rng = np.random.default_rng(5)
    a, b = (rng.standard_normal(shape).astype(F4) for shape in ((48, k), (k, 40)))
    stage = product_stage(48, k, 40, tile=(48, 40), slab=512, mode=mode)
    engine = Engine(FakeDevice(), Settings(slot_bytes=1 << 16, n_in=3, n_out=2, n_readers=1, n_writers=1))
    out = np.empty((48, 40), F4)
    run_stage(engine, stage, (MemorySource("a", a), MemorySource("b", b)), MemoryTarget(out))
    engine.close()
    exact = a.astype("f8") @ b.astype("f8")
    return float((np.abs(out - exact) / (np.abs(a).astype("f8") @ np.abs(b).astype("f8"))).max())


def test_three_products_of_tf32_are_nearly_as_exact_as_float32() -> None:
    single, triple, fast = errors("ieee"), errors("3xtf32"), errors("tf32")
    assert triple <= 4 * single
    # a product of operands with 11 significant bits: 2^-11 each
    assert 8 * single < fast <= 2 * 2.0**-11 + 2.0**-22


def test_products_in_float64_are_rounded_once() -> None:
    assert errors("fp64acc") <= 2.0**-24
    # bfloat16 has 8 significant bits
    assert 2.0**-14 < errors("bf16") <= 2 * 2.0**-8 + 2.0**-16


@pytest.mark.parametrize("mode", ["ieee", "tf32", "3xtf32"])
def test_inf_and_nan_are_where_ieee_has_them(mode: str) -> None:
    a = np.array([[np.inf, 1, 2], [np.nan, 1, 2], [-np.inf, 3, np.inf], [1, 2, 3.5], [3.4e38, 0, 0]], F4)
    b = np.array([[1.5, 0, -1], [1, 2.25, 3], [1, 1, 1]], F4)
    stage = product_stage(5, 3, 3, tile=(5, 3), slab=3, mode=mode)
    engine = Engine(FakeDevice(), Settings(slot_bytes=256, n_in=2, n_out=1, n_readers=1, n_writers=1))
    out = np.empty((5, 3), F4)
    run_stage(engine, stage, (MemorySource("a", a), MemorySource("b", b)), MemoryTarget(out))
    engine.close()
    with np.errstate(all="ignore"):
        expected = a @ b
    np.testing.assert_allclose(out, expected, rtol=2.0**-10)


def test_halves_are_added_up_in_float32() -> None:
    # float16 has 11 bits: in it 2048 + 1 is 2048, and the sum would stay there
    half = np.dtype("f2")
    a, b = np.full((2, 2052), 1, half), np.full((2052, 2), 2, half)
    stage = product_stage(2, 2052, 2, tile=(2, 2), slab=100, mode="fp16", result=half)
    engine = Engine(FakeDevice(), Settings(slot_bytes=256, n_in=2, n_out=1, n_readers=1, n_writers=1))
    out = np.empty((2, 2), half)
    run_stage(engine, stage, (MemorySource("a", a), MemorySource("b", b)), MemoryTarget(out))
    engine.close()
    assert out.tolist() == [[4104, 4104], [4104, 4104]]


def test_same_calls_give_the_same_bits_whatever_the_delays() -> None:
    rng = np.random.default_rng(3)
    a, b = (rng.standard_normal(shape).astype(F4) for shape in ((21, 64), (64, 17)))
    stage = product_stage(21, 64, 17, tile=(9, 17), slab=16)
    results = []
    for seed in range(6):
        device = FakeDevice(seed=seed, longest_delay_s=5e-4 * (seed > 0))
        engine = Engine(device, Settings(slot_bytes=512, n_in=1 + seed, n_out=2, n_readers=2, n_writers=2))
        out = np.empty((21, 17), F4)
        run_stage(engine, stage, (MemorySource("a", a), MemorySource("b", b)), MemoryTarget(out))
        engine.close()
        results.append(out.tobytes())
    tiles = []
    for start, stop in ((0, 9), (9, 18), (18, 21)):
        total = torch.empty((stop - start, 17))
        for start_k in range(0, 64, 16):
            for first, last in stripe_rows(stop - start) if start_k == 48 else [(0, stop - start)]:
                x = torch.from_numpy(a[start + first : start + last, start_k : start_k + 16])
                y = torch.from_numpy(b[start_k : start_k + 16])
                total[first:last] = torch.mm(x, y) if start_k == 0 else total[first:last].addmm_(x, y)
        tiles.append(total.numpy())
    assert set(results) == {np.concatenate(tiles).tobytes()}


def test_batches_and_parts() -> None:
    rng = np.random.default_rng(2)
    a, b = rng.integers(-4, 5, (3, 1, 6, 8)).astype(F4), rng.integers(-4, 5, (2, 8, 5)).astype(F4)
    stage = product_stage(6, 8, 5, tile=(1, 1, 4, 5), slab=3, a_batch=(3, 1), b_batch=(2,))
    stage = type(stage)(Grid((3, 2, 6, 5, 8), (2, 2, 6, 5, 8)), **{
        name: getattr(stage, name) for name in stage.__dataclass_fields__ if name != "grid"
    })  # fmt: skip
    engine = Engine(FakeDevice(seed=1, longest_delay_s=1e-4), Settings(slot_bytes=64, n_in=3, n_out=2))
    out = np.full((3, 2, 6, 5), np.nan, F4)
    sources = (MemorySource("a", a), MemorySource("b", b))
    for index in range(stage.grid.n_blocks):
        run_stage(engine, stage, sources, MemoryTarget(out), index)
    np.testing.assert_array_equal(out, a @ b)
    parts = product_stage(6, 8, 5, tile=(4, 3), slab=2)
    parts = type(parts)(Grid((6, 5, 8), (6, 5, 5)), **{
        name: getattr(parts, name) for name in parts.__dataclass_fields__ if name != "grid"
    })  # fmt: skip
    sources = (MemorySource("a", a[0, 0]), MemorySource("b", b[0]))
    totals = [run_stage(engine, parts, sources, None, index)[0][0] for index in range(2)]
    engine.close()
    assert {total.dtype for total in totals} == {np.dtype("f8")}
    np.testing.assert_array_equal(totals[0] + totals[1], a[0, 0] @ b[0])


def test_fortran_order_is_taken_transposed() -> None:
    rng = np.random.default_rng(2)
    a, b = (np.asfortranarray(rng.integers(-4, 5, shape).astype(F4)) for shape in ((6, 8), (8, 5)))
    engine = Engine(FakeDevice(), Settings(slot_bytes=64, n_in=3, n_out=2))
    out = np.full((6, 5), np.nan, F4)
    stage = product_stage(6, 8, 5, tile=(4, 5), slab=3, mode="3xtf32")
    run_stage(engine, stage, (MemorySource("a", a), MemorySource("b", b)), MemoryTarget(out))
    engine.close()
    np.testing.assert_array_equal(out, a @ b)


def test_no_thread_is_left() -> None:
    before = set(threading.enumerate())
    run_schedule(schedule := random_schedule(1), schedule.device())
    assert set(threading.enumerate()) == before
