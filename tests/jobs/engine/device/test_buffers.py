"""Memory that is kept: what a task needs and no more often than it has to be taken."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from in_process_jobs import plan_arrays

from arraymill.jobs.arrays import MemorySource, MemoryTarget
from arraymill.jobs.engine import Work, run_block
from arraymill.jobs.engine.device import Engine, FakeDevice, Settings, install_engine
from arraymill.jobs.engine.device.buffers import Buffers, Layout
from arraymill.jobs.limits import Budget

LAYOUT = Layout({"a": (2, 64), "b": (3, 32)}, results=(2, 16), pinned_in=(4, 64), pinned_out=(2, 64))


def test_what_is_there_is_used_again() -> None:
    device = FakeDevice()
    buffers = Buffers(device)
    assert buffers.reserve(LAYOUT)
    assert device.n_allocations == 2 + 3 + 2 + 4 + 2
    assert not buffers.reserve(LAYOUT)
    smaller = replace(LAYOUT, slots={"a": (1, 64), "b": (3, 8)}, pinned_in=(3, 32))
    assert not buffers.reserve(smaller)
    assert not buffers.reserve(LAYOUT)
    device.close()


def test_other_slots_take_the_place_of_those_that_are_held() -> None:
    device = FakeDevice()
    buffers = Buffers(device)
    buffers.reserve(LAYOUT)
    assert buffers.reserve(replace(LAYOUT, slots={"piece": (2, 100)}))
    assert device.allocated_bytes == 200 + 32
    assert buffers.reserve(replace(LAYOUT, scratch={"total": (1, 8)}))
    assert device.allocated_bytes == 2 * 64 + 3 * 32 + 2 * 16 + 8
    device.close()


def test_a_task_that_may_pin_less_does_not_keep_more() -> None:
    device = FakeDevice()
    buffers = Buffers(device)
    buffers.reserve(LAYOUT)
    small = replace(LAYOUT, pinned_in=(2, 64), pinned_out=(1, 64))
    assert not buffers.reserve(small, 6 * 64)
    assert buffers.reserve(small, 3 * 64)
    assert sum(slot.bytes.nbytes for name in ("in", "out") for slot in buffers.pinned(name, 9)) == 3 * 64
    device.close()


def test_what_does_not_fit_is_let_go_of() -> None:
    device = FakeDevice(memory_bytes=200)
    buffers = Buffers(device)
    with pytest.raises(RuntimeError, match="out of memory"):
        buffers.reserve(LAYOUT)
    assert device.allocated_bytes == 0
    assert buffers.reserve(replace(LAYOUT, slots={}))
    device.close()


@pytest.mark.parametrize("precision", ["strict", "standard", "fast", "fast-fp32", "fast-bf16"])
@pytest.mark.parametrize("code", ["f2", "f4", "f8"])
def test_a_product_takes_what_its_plan_says(code: str, precision: Any) -> None:
    """The plan counts matrices; beside them there is a mask of a byte per element of the largest slab."""
    rng = np.random.default_rng(0)
    a, b = (rng.integers(-2, 3, shape).astype(code) for shape in ((700, 600), (600, 800)))
    plan = plan_arrays("matmul", [a, b], backend="fake", precision=precision, budget=Budget(1 << 30, 2_000_000))
    stage: Any = plan.stage
    device = FakeDevice()
    # as a GPU, which needs no rounded copies of what it multiplies in TF32
    device.rounds_to_tf32 = True
    before = install_engine("fake", engine := Engine(device, Settings(n_readers=1, n_writers=1)))
    out = np.empty((700, 800), code)
    work = Work(stage, (MemorySource("a", a), MemorySource("b", b)), MemoryTarget(out), "fake",
                staging_bytes=plan.task_host_bytes)  # fmt: skip
    run_block(work, 0)
    install_engine("fake", before)
    pinned = sum(slot.bytes.nbytes for name in ("in", "out") for slot in engine._buffers.pinned(name, 99))
    engine.close()
    # NumPy has no BLAS for float16
    np.testing.assert_array_equal(out, a.astype("f4") @ b.astype("f4"))
    mask = stage.slab * max(stage.pieces)
    assert device.peak_bytes <= plan.task_device_bytes + mask
    assert pinned <= plan.task_host_bytes
    assert device.copied_bytes["h2d"] + device.copied_bytes["d2h"] >= 700 * 600 * a.itemsize
