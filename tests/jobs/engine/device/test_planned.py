"""What the engine does is what was planned: the same copies, no more memory than was said."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from arraymill.jobs.arrays import MemorySource
from arraymill.jobs.engine.clock import Clock
from arraymill.jobs.engine.device.arithmetic import arithmetic_of
from arraymill.jobs.engine.device.contract import _layout, plan_products
from arraymill.jobs.engine.device.engine import Call, Engine
from arraymill.jobs.engine.device.fake import FakeDevice
from arraymill.jobs.engine.device.suits import suits
from arraymill.jobs.limits import Budget, Precision
from arraymill.jobs.operations import OPERATIONS
from arraymill.jobs.plans.planning import Plan, plan_job

GB = 1 << 30


def planned(
    a: tuple[int, ...], b: tuple[int, ...], code: str = "f4", precision: Precision = "standard", gib: float = 8
) -> tuple[Plan, tuple[MemorySource, ...]]:
    one = np.ones((), code)
    sources = tuple(MemorySource(name, np.broadcast_to(one, shape)) for name, shape in (("a", a), ("b", b)))
    budget = Budget(64 * GB, int(gib * GB))
    headers = [source.header for source in sources]
    return plan_job(OPERATIONS["matmul"], headers, {}, budget=budget, device="cuda", precision=precision), sources


CASES: list[tuple[Any, ...]] = [
    ((32768, 32768), (32768, 32768)),
    ((32768, 32768), (32768, 32768), "f4", "strict"),
    ((32768, 32768), (32768, 32768), "f4", "fast-fp32"),
    ((32768, 32768), (32768, 32768), "f4", "fast-bf16", 4),
    ((49152, 49152), (49152, 49152), "f4", "fast", 16),
    ((65536, 65536), (65536, 65536), "f2", "standard", 16),
    ((24576, 24576), (24576, 24576), "f8", "standard", 1),
    ((70_001, 65_537), (65_537, 60_003), "f4", "standard", 60),
    ((200_000, 2048), (2048, 2048), "f4", "standard", 2),
    ((3000, 100), (100, 7000)),
    ((64, 10**8), (10**8, 64)),
    ((3, 9000, 9000), (3, 9000, 9000), "f4", "fast", 2),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_an_engine_copies_and_takes_what_was_planned(case: Any) -> None:
    plan, sources = planned(*case)
    stage: Any = plan.stage
    device = FakeDevice()
    # as CUDA does
    device.rounds_to_tf32 = True
    engine = Engine(device)
    target: Any = None
    if stage.n_parts == 1:
        out = np.broadcast_to(np.zeros((), plan.output.dtype), plan.output.shape)
        target = MemorySource("out", out)
    assert suits(stage, sources, target)
    arithmetic = arithmetic_of(stage, engine.device)
    result = stage.result if stage.n_parts == 1 else arithmetic.total
    copied = 0
    for index in range(stage.grid.n_blocks):
        products = plan_products(stage, index, sources, engine.settings.n_slabs)
        copied += sum(operand.link_bytes for operand in products.operands)
        layout = _layout(engine, products, arithmetic, result, Call(target, Clock(), plan.task_host_bytes))
        held = [*layout.slots.values(), *layout.scratch.values(), layout.results]
        assert sum(number * size for number, size in held) <= plan.task_device_bytes
        pinned = (layout.pinned_in, layout.pinned_out)
        assert sum(number * size for number, size in pinned) <= plan.task_host_bytes
    assert copied == plan.moves.to_device_bytes
