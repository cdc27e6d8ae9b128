"""Facts of placement: predicted seconds choose, and the choice is said."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from arraymill.jobs.headers import ArrayHeader
from arraymill.jobs.limits import Budget, DeviceKind, Limits
from arraymill.jobs.operations import OPERATIONS
from arraymill.jobs.plans.placement import INLINE_S, choose_device, choose_place, process_bytes
from arraymill.jobs.plans.planning import Plan, plan_job
from arraymill.jobs.rates.workers import rates_of

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
    assert "reading being the limit; a GPU would need" in reason


def plan_taking(device: DeviceKind, **seconds: float) -> Any:
    """Return what is asked of a plan whose steps take so long."""
    binding = max(seconds, key=lambda step: seconds[step])
    return SimpleNamespace(limits=Limits(device), seconds=seconds, predicted_s=seconds[binding], binding=binding)


def test_the_cpu_may_be_done_before_the_link_could_deliver() -> None:
    plans = {
        "cpu": plan_taking("cpu", read=0.5, compute=0.4),
        "cuda": plan_taking("cuda", read=0.1, to_device=0.6, from_device=0.0, compute=0.01),
    }
    plan, reason = choose_device(lambda device: plans[device])
    assert plan is plans["cpu"]
    assert "it is done before the link to a GPU could deliver the arrays, which takes 600 ms" in reason


@pytest.mark.parametrize("step", ["link", "to_device", "from_device"])
def test_however_long_the_cpu_takes_a_slower_link_is_not_worth_it(step: str) -> None:
    plans = {"cpu": plan_taking("cpu", read=100.0), "cuda": plan_taking("cuda", compute=1.0, **{step: 101.0})}
    plan, reason = choose_device(lambda device: plans[device])
    assert plan.limits.device == "cpu"
    assert "before the link" in reason


def test_a_large_product_goes_to_the_gpu() -> None:
    plan, reason = choose_device(lambda device: plan_product(40_000, device))
    assert plan.limits.device == "cuda"
    assert reason.startswith("CUDA: predicted")
    assert "with its start, against" in reason


@pytest.mark.parametrize(
    ("on_cpu", "on_cuda", "said"),
    [
        ("measured", "measured", "; at measured rates"),
        ("nominal", "nominal", "; at nominal rates"),
        ("measured", "nominal", "; at measured rates of the CPU and nominal ones of the GPU"),
    ],
)
@pytest.mark.parametrize("side", [100, 40_000])
def test_whose_rates_they_are_is_said(on_cpu: str, on_cuda: str, said: str, side: int) -> None:
    ceilings = {"cpu": on_cpu, "cuda": on_cuda}
    _, reason = choose_device(lambda device: plan_product(side, device), lambda plan: ceilings[plan.limits.device])
    assert reason.endswith(said)


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_a_place_keeps_the_rates_that_chose_it(device: DeviceKind) -> None:
    rates = rates_of(device, "standard", np.dtype("f4"))
    assert choose_place(plan_sum(10, device), rates=rates).rates is rates


@pytest.mark.parametrize("kind", ["local", "cuda"])
def test_a_process_of_a_cluster_takes_more_than_this_one(kind: str) -> None:
    assert process_bytes(kind) > process_bytes("inline")  # type: ignore[arg-type]
