"""What does not fit in a task's usual share of the memory: planned with most of it, or told how much is enough."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from arraymill.jobs import run
from arraymill.jobs.errors import CannotFitError
from arraymill.jobs.headers import ArrayHeader
from arraymill.jobs.limits import Budget, Limits, limits_of
from arraymill.jobs.operations import OPERATIONS
from arraymill.jobs.plans.chain_plan import AnyPlan
from arraymill.jobs.plans.chains import plan_operation
from arraymill.jobs.plans.fitting import fitted

F4 = np.dtype(np.float32)
GB = 1_000_000_000

LARGE: list[tuple[str, list[tuple[int, ...]], dict[str, Any], int]] = [
    ("gram", [(10**6, 5000)], {}, 2 * GB),
    ("cov", [(10**6, 5000)], {"rowvar": False}, 2 * GB),
    ("fft", [(10**7,)], {}, 4 * GB),
    ("cdist", [(10**5, 40_000), (10**5, 40_000)], {}, 2 * GB),
    ("knn", [(10**6, 1000), (10**6, 1000)], {"k": 10}, GB // 5),
    ("topk", [(10**8,)], {"k": 10**7}, GB),
    ("bincount", [(10**8,)], {"length": 10**7}, GB),
    ("lstsq", [(10**7, 6000), (10**7,)], {}, 8 * GB),
]


def planned(op: str, shapes: list[tuple[int, ...]], params: dict[str, Any], budget: int) -> AnyPlan:
    dtype = np.dtype(np.int64) if op == "bincount" else F4
    headers = [ArrayHeader("x", shape, dtype) for shape in shapes]
    return plan_operation(OPERATIONS[op], headers, params, budget=Budget(budget))


@pytest.mark.parametrize(("op", "shapes", "params", "budget"), LARGE, ids=[case[0] for case in LARGE])
def test_a_task_that_cannot_be_cut_may_take_most_of_the_memory(
    op: str, shapes: list[tuple[int, ...]], params: dict[str, Any], budget: int
) -> None:
    plan = planned(op, shapes, params, budget)
    usual = limits_of(Budget(budget), device="cpu", precision="standard").task_host_bytes
    assert usual < plan.task_host_bytes < budget


@pytest.mark.parametrize(("op", "shapes", "params", "budget"), LARGE, ids=[case[0] for case in LARGE])
def test_a_refusal_says_how_much_is_enough(
    op: str, shapes: list[tuple[int, ...]], params: dict[str, Any], budget: int
) -> None:
    given = budget // 50
    for _ in range(3):
        with pytest.raises(CannotFitError) as refused:
            planned(op, shapes, params, given)
        enough = re.search(r"--memory (\d+)MB or more", str(refused.value.next))
        assert enough, refused.value.next
        assert int(enough[1]) * 1_000_000 > given
        given = int(enough[1]) * 1_000_000
        try:
            planned(op, shapes, params, given)
        except CannotFitError:
            # another step needs more: said in its turn
            continue
        return
    pytest.fail(f"{given} bytes are not enough, though they were said to be")


def test_what_fits_is_planned_with_the_usual_share() -> None:
    limits = Limits(task_host_bytes=1000)
    seen: list[Limits] = []

    def build(headers: Any, params: Any, given: Limits) -> str:
        seen.append(given)
        return "made"

    assert fitted(build, [], None, limits, Budget(10**6)) == ("made", limits)  # type: ignore[arg-type]
    assert seen == [limits]


def test_a_result_is_right_though_its_task_takes_most_of_the_memory() -> None:
    """The sums of 1300 x 1300 products take 54 MB; an eighth of the memory is 25 MB."""
    x = np.random.default_rng(5).standard_normal((3000, 1300)).astype(np.float32)
    with pytest.raises(CannotFitError):
        planned("gram", [x.shape], {}, 20_000_000)
    found = run("gram", x, memory="200MB", device="cpu")
    wide = x.astype(np.float64)
    bound = 4 * (2048 + 40) * 2.0**-24 * np.abs(wide).T @ np.abs(wide)
    assert (np.abs(found - wide.T @ wide) <= bound).all()
