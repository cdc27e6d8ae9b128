"""Facts of limits: what a task may take, and how many workers fit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arraymill.jobs.limits import Budget, DeviceKind, fit_workers, limits_of, workers_bytes

MB = 1 << 20


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_a_task_may_take_a_share_within_bounds(device: DeviceKind) -> None:
    budgets = (1, 800 * MB, 1 << 40, 1 << 50)
    shares = [limits_of(Budget(budget), device=device, precision="fast").task_host_bytes for budget in budgets]
    assert shares[:2] == [MB, 100 * MB]
    assert 100 * MB < shares[2] == shares[3] <= 4 << 30


@given(
    budget=st.integers(1, 1 << 40),
    task=st.integers(1, 1 << 30),
    process=st.integers(0, 1 << 30),
    shared=st.booleans(),
)
def test_as_many_workers_fit_as_the_budget_holds(budget: int, task: int, process: int, shared: bool) -> None:
    sizes = {"task_bytes": task, "process_bytes": process}
    n_workers = fit_workers(Budget(budget), **sizes, shared_process=shared)
    if n_workers:
        assert workers_bytes(n_workers, **sizes, shared_process=shared) <= budget
    assert workers_bytes(n_workers + 1, **sizes, shared_process=shared) > budget
