"""Facts of elementwise steps that are computed where their results are read."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from chained_operations import chained
from hypothesis import given, settings
from hypothesis import strategies as st
from in_process_jobs import ROOMY, run_arrays, run_chain_plan
from operation_contract import LAYOUTS, byte_orders, draw_values, lay_out

from arraymill.jobs.arrays import MemorySource
from arraymill.jobs.operations import OPERATIONS, Operation
from arraymill.jobs.operations.chain import Step
from arraymill.jobs.plans.chain_plan import ChainPlan
from arraymill.jobs.plans.chains import plan_chain

LOG = Step("log", OPERATIONS["map"], ("x",), {"expr": "log(abs(x) + 1)"})
TWICE = Step("twice", OPERATIONS["map"], ("log",), {"expr": "x * 2"})


def after(op: str, params: dict[str, Any], *steps: Step, reads: tuple[str, ...] | None = None) -> Operation:
    last = Step(op, OPERATIONS[op], reads or (steps[-1].name,), params)
    return chained("fused", *steps, last, outputs=((op, op),))


def planned(operation: Operation, x: Any, **settings: Any) -> ChainPlan:
    return plan_chain(operation, [MemorySource("x", x).header], {}, budget=ROOMY, **settings)


@pytest.mark.parametrize(
    ("op", "params"),
    [
        ("sum", {"axis": 0}),
        ("var", {}),
        ("argmax", {"axis": 1}),
        ("cov", {"rowvar": False}),
        ("map", {"expr": "exp(x)"}),
    ],
)
@pytest.mark.parametrize("backend", ["numpy", "torch-cpu"])
@settings(max_examples=8)
@given(
    code=st.sampled_from(["f4", "f8", "i2"]),
    layout=st.sampled_from(LAYOUTS),
    order=byte_orders,
    block=st.sampled_from([300, 4000]),
)
def test_a_fused_step_keeps_the_bits(
    op: str, params: Any, backend: Any, code: str, layout: Any, order: str, block: int
) -> None:
    x = lay_out(draw_values((40, 9), code, 3), layout, order)
    plan = planned(after(op, params, LOG, TWICE), x, block_bytes=block)
    assert [step.name for step in plan.steps] == [op]
    first = run_arrays("map", [x], {"expr": "log(abs(x) + 1)"}, backend=backend)
    second = run_arrays("map", [first], {"expr": "x * 2"}, backend=backend)
    apart = run_arrays(op, [second], params, backend=backend, block_bytes=block)
    fused = run_chain_plan(plan, [x], backend=backend)[op]
    if backend == "numpy":
        assert fused.tobytes() == apart.tobytes()
    else:
        np.testing.assert_allclose(fused, apart, rtol=1e-4, atol=1e-4 * np.abs(apart).max())


def test_a_fused_step_is_read_and_not_written() -> None:
    x = np.ones((4000, 100), "f4")
    plan = planned(after("sum", {}, LOG), x)
    (step,) = plan.steps
    assert (step.arrays, plan.read_bytes, plan.write_bytes) == (("x",), x.nbytes, 4)
    assert plan.flops > x.size
    assert plan.task_host_bytes > run_plan_bytes("sum", x)


def run_plan_bytes(op: str, x: Any) -> int:
    return planned(after(op, {}, LOG), x).steps[0].fused["log"].plan.task_host_bytes // 2


def test_a_product_reads_a_fused_operand() -> None:
    x = draw_values((30, 40), "f4", 1)
    operation = after("matmul", {"transpose_b": True}, LOG, reads=("log", "x"))
    plan = planned(operation, x)
    assert [step.name for step in plan.steps] == ["matmul"]
    np.testing.assert_allclose(run_chain_plan(plan, [x])["matmul"], np.log(abs(x) + 1) @ x.T, rtol=1e-4)


def test_an_output_and_what_is_read_often_are_written() -> None:
    x = np.ones((3000, 30), "f4")
    kept = chained("kept", LOG, Step("sum", OPERATIONS["sum"], ("log",)), outputs=(("sum", "sum"), ("log", "log")))
    assert [step.name for step in planned(kept, x).steps] == ["log", "sum"]
    wide = np.ones((3000, 3000), "f4")
    often = after("matmul", {}, LOG, reads=("log", "log"))
    assert [step.name for step in planned(often, wide, block_bytes=1 << 20).steps] == ["log", "matmul"]
