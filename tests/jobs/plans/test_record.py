"""Facts of stored plans: whole after a trip through JSON, and with the grid that was stored."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arraymill.jobs.arrays import MemorySource
from arraymill.jobs.errors import InputChangedError
from arraymill.jobs.job import Job
from arraymill.jobs.limits import Budget, Precision
from arraymill.jobs.operations import OPERATIONS
from arraymill.jobs.plans.placement import Place
from arraymill.jobs.plans.planning import Plan, plan_job
from arraymill.jobs.plans.record import plan_record, restore_plan
from arraymill.jobs.spec.job_spec import JobSpec

X = np.arange(60_000.0, dtype=np.float32).reshape(300, 200)
PLACE = Place("local", "cpu", "as asked")
CASES: dict[str, tuple[str, int, dict[str, Any]]] = {
    "map": ("map", 1, {"expr": "x + 1", "names": ("x",)}),
    "sum": ("sum", 1, {"axis": (0,)}),
    "sum of all": ("sum", 1, {}),
    "product": ("matmul", 2, {"transpose_b": True}),
}


def make_job(operation: str, n_inputs: int, params: dict[str, Any], x: Any = X) -> Job:
    spec = JobSpec(op=operation)
    return Job(spec, OPERATIONS[operation], (MemorySource("x", x),) * n_inputs, params)


def make_plan(job: Job) -> Plan:
    return plan_job(job.operation, job.headers, job.params, budget=Budget(1 << 26), block_bytes=40_000, n_workers=3)


@pytest.mark.parametrize("case", CASES)
def test_a_plan_survives_json(case: str) -> None:
    job = make_job(*CASES[case])
    plan = make_plan(job)
    assert plan.n_blocks > 1
    record = json.loads(json.dumps(plan_record(plan, PLACE, {"numpy": "2"})))
    restored = restore_plan(job, record)
    assert restored == plan
    assert record["n_blocks"] == plan.n_blocks
    assert record["place"] == {"kind": "local", "device": "cpu", "reason": "as asked"}


SIDE = 40_000
LARGE = np.broadcast_to(np.float32(1), (SIDE, SIDE))


def plan_on_gpu(job: Job) -> Plan:
    return plan_job(job.operation, job.headers, job.params, budget=Budget(1 << 36, 4 << 30), device="cuda")


@pytest.mark.parametrize("params", [{}, {"transpose_a": True}])
def test_the_tiles_of_a_product_on_gpus_survive_too(params: dict[str, Any]) -> None:
    job = make_job("matmul", 2, params, LARGE)
    plan = plan_on_gpu(job)
    stage: Any = plan.stage
    assert stage.resident != "none"
    record = json.loads(json.dumps(plan_record(plan, PLACE, {})))
    assert restore_plan(job, record) == plan
    other = replace(stage, pieces=(256, 512), order="rows", resident="none", slab=99, mode="tf32")
    assert restore_plan(job, json.loads(json.dumps(plan_record(replace(plan, stage=other), PLACE, {})))).stage == other


@settings(max_examples=30)
@given(
    sides=st.tuples(*[st.integers(1, 100_000)] * 3),
    code=st.sampled_from(("f2", "f4", "f8", "i4")),
    precision=st.sampled_from(get_args(Precision)),
    device=st.sampled_from(("cpu", "cuda")),
    device_bits=st.integers(24, 36),
)
def test_any_product_survives_json(sides: Any, code: str, precision: Any, device: Any, device_bits: int) -> None:
    m, n, k = sides
    one = np.ones((), code)
    sources = tuple(MemorySource("x", np.broadcast_to(one, shape)) for shape in ((m, k), (k, n)))
    job = Job(JobSpec(op="matmul"), OPERATIONS["matmul"], sources, {})
    budget = Budget(1 << 36, 1 << device_bits)
    plan = plan_job(job.operation, job.headers, {}, budget=budget, device=device, precision=precision)
    assert restore_plan(job, json.loads(json.dumps(plan_record(plan, PLACE, {})))) == plan


def test_a_record_of_before_there_were_tiles_within_a_block_gets_none() -> None:
    job = make_job("matmul", 2, {}, LARGE)
    plan = plan_on_gpu(job)
    record = json.loads(json.dumps(plan_record(plan, PLACE, {})))
    record["inner"] = {"slab": 2048}
    for name in ("edges_s", "least_s"):
        del record[name]
    stage: Any = restore_plan(job, record).stage
    assert stage == replace(stage, grid=plan.stage.grid, slab=2048, pieces=(), order="rows", resident="none")


def test_predictions_are_those_that_were_made_then() -> None:
    job = make_job("sum", 1, {"axis": (0,)})
    record = plan_record(replace(make_plan(job), seconds={"read": 7.0}, edges_s=1.0), PLACE, {})
    assert restore_plan(job, record).predicted_s == 8.0


def test_a_constant_result_survives_too() -> None:
    job = make_job("sum", 1, {}, np.zeros((0, 3)))
    plan = make_plan(job)
    restored = restore_plan(job, json.loads(json.dumps(plan_record(plan, PLACE, {}))))
    assert restored.n_blocks == 0
    np.testing.assert_array_equal(restored.stage.value, 0.0)  # type: ignore[union-attr]


@pytest.mark.parametrize("case", CASES)
def test_the_stored_grid_is_used_whatever_would_be_chosen_now(case: str) -> None:
    job = make_job(*CASES[case])
    plan = make_plan(job)
    stage: Any = plan.stage
    other = replace(stage, grid=replace(stage.grid, chunks=tuple(min(n, 7) for n in stage.grid.shape)))
    record = plan_record(replace(plan, stage=other), PLACE, {})
    assert restore_plan(job, record).stage == other


@pytest.mark.parametrize("now", [X[:-1], X.astype(np.float64), np.asfortranarray(X)], ids=["shape", "dtype", "order"])
def test_another_array_is_refused_with_both_descriptions(now: Any) -> None:
    job = make_job("sum", 1, {"axis": (0,)})
    record = plan_record(make_plan(job), PLACE, {})
    with pytest.raises(InputChangedError, match="it was float32"):
        restore_plan(make_job("sum", 1, {"axis": (0,)}, now), record)


def test_another_job_file_is_refused() -> None:
    record = json.loads(json.dumps(plan_record(make_plan(make_job("sum", 1, {"axis": (0,)})), PLACE, {})))
    for other in (make_job("sum", 1, {"axis": (1,)}), make_job("mean", 1, {"axis": (0,)})):
        with pytest.raises(InputChangedError, match="other work"):
            restore_plan(other, record)
