"""Facts of placement: predicted seconds choose, and the choice is said."""

from __future__ import annotations

import numpy as np
import pytest

from arraymill.jobs.headers import ArrayHeader
from arraymill.jobs.limits import Budget, DeviceKind
from arraymill.jobs.operations import OPERATIONS
from arraymill.jobs.placement import INLINE_S, choose_device, choose_place, process_bytes
from arraymill.jobs.planning import Plan, plan_job

BUDGET = Budget(8 << 30, 64 << 30)


def plan_sum(n: int, device: DeviceKind = "cpu") -> Plan:
    return plan_job(OPERATIONS["sum"], [ArrayHeader("x", (n,), np.dtype("f4"))], {}, budget=BUDGET, device=device)


def plan_product(side: int, device: DeviceKind) -> Plan:
    headers = [ArrayHeader(name, (side, side), np.dtype("f4")) for name in "ab"]
    return plan_job(OPERATIONS["matmul"], headers, {}, budget=BUDGET, device=device)


def test_a_short_job_runs_in_this_process() -> None:
    place = choose_place(plan_sum(1000))
    assert (place.kind, place.device) == ("inline", "cpu")
    assert "too short for a cluster" in place.reason


def test_a_long_job_runs_in_worker_processes() -> None:
    plan = plan_sum(100 * 10**9)
    assert plan.predicted_s > INLINE_S
    assert choose_place(plan).kind == "local"


def test_a_plan_for_gpus_runs_on_gpus() -> None:
    assert choose_place(plan_sum(10, "cuda")).kind == "cuda"


def test_a_reason_that_is_given_is_kept() -> None:
    assert choose_place(plan_sum(10), reason="because").reason == "because"


def test_what_is_read_once_stays_on_the_cpu() -> None:
    plan, reason = choose_device(lambda device: plan_sum(10**9, device))
    assert plan.limits.device == "cpu"
    assert "the read being the limit" in reason


def test_a_large_product_goes_to_the_gpu() -> None:
    plan, reason = choose_device(lambda device: plan_product(40_000, device))
    assert plan.limits.device == "cuda"
    assert reason.startswith("CUDA: predicted")


@pytest.mark.parametrize("kind", ["local", "cuda"])
def test_a_process_of_a_cluster_takes_more_than_this_one(kind: str) -> None:
    assert process_bytes(kind) > process_bytes("inline")  # type: ignore[arg-type]
