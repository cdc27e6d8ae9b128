"""The same bytes whatever the order in which blocks are done and how many workers there are; for exact answers, their
size too."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from in_process_jobs import ShuffledSession, plan_arrays, run_arrays
from numpy.typing import NDArray
from operation_contract import ARGUMENTS, REDUCTIONS, draw_values

from arraymill.cluster.config import ClusterConfig
from arraymill.cluster.inline import InlineSession
from arraymill.jobs.engine import BackendKind
from arraymill.jobs.headers import ArrayHeader
from arraymill.jobs.limits import Budget
from arraymill.jobs.operations import OPERATIONS
from arraymill.jobs.operations.reductions.block_sums import RUN
from arraymill.jobs.plans.planning import plan_job

ORDERS = (None, 1, 2, 3)
EXACT = ("min", "max", "ptp", *ARGUMENTS, "any", "all", "count_nonzero", "nanmin", "nanmax")
SHAPE = (130, 90)


def wide_values(shape: tuple[int, ...], seed: int = 0) -> NDArray[Any]:
    """Return float64 numbers over 40 binary orders: another grouping of their sum shows in its last bits."""
    rng = np.random.default_rng(seed)
    return np.asarray(rng.standard_normal(shape) * 2.0 ** rng.integers(-20, 20, shape))


def inputs_of(name: str) -> tuple[list[NDArray[Any]], dict[str, Any]]:
    if name == "map":
        return [wide_values(SHAPE), wide_values((90,), 1)], {"expr": "(x - 3) * y"}
    if name == "matmul":
        return [wide_values(SHAPE), wide_values((90, 70), 1)], {}
    return [wide_values(SHAPE) if "prod" not in name else draw_values(SHAPE, "f8", 0)], {}


@pytest.mark.parametrize(
    ("name", "axis"),
    [*((name, axis) for name in REDUCTIONS for axis in (None, 0, 1)), ("map", None), ("matmul", None)],
)
def test_blocks_done_in_any_order_give_the_same_bytes(name: str, axis: int | None) -> None:
    arrays, params = inputs_of(name)
    if name in REDUCTIONS:
        params["axis"] = axis
    plan = plan_arrays(name, arrays, params, block_bytes=4000)
    sessions = [ShuffledSession(seed, n_workers=n, at_once=n) for seed, n in zip(ORDERS, (1, 2, 3, 7), strict=True)]
    answers = {run_arrays(name, arrays, params, block_bytes=4000, session=session).tobytes() for session in sessions}
    assert (plan.n_blocks > 8, len(answers)) == (True, 1)


@pytest.mark.parametrize("name", ["sum", "var", "matmul"])
def test_blocks_sent_in_any_order_give_the_same_bytes(name: str) -> None:
    arrays, params = inputs_of(name)
    blocks = list(range(plan_arrays(name, arrays, params, block_bytes=4000).n_blocks))
    shuffled = [int(index) for index in np.random.default_rng(5).permutation(blocks)]
    orders = (blocks, blocks[::-1], shuffled)
    answers = {run_arrays(name, arrays, params, block_bytes=4000, order=order).tobytes() for order in orders}
    assert len(answers) == 1


@pytest.mark.parametrize("name", ["sum", "std", "norm", "argmax", "matmul", "map"])
def test_one_worker_and_two_give_the_same_bytes(name: str) -> None:
    arrays, params = inputs_of(name)
    answers = set()
    for n_workers in (1, 2):
        with InlineSession(ClusterConfig("inline", workers=n_workers)) as session:
            answers.add(run_arrays(name, arrays, params, block_bytes=9000, session=session).tobytes())
    assert len(answers) == 1


@pytest.mark.parametrize("backend", ["numpy", "torch-cpu"])
@pytest.mark.parametrize("axis", [None, 0, 1])
@pytest.mark.parametrize("name", EXACT)
def test_exact_operations_do_not_depend_on_the_size_of_blocks(
    name: str, axis: int | None, backend: BackendKind
) -> None:
    x, params = wide_values(SHAPE), {"axis": axis}
    sizes = (None, 1000, 4000, 30_000)
    answers = {run_arrays(name, [x], params, block_bytes=size, backend=backend).tobytes() for size in sizes}
    assert len(answers) == 1


@pytest.mark.parametrize("name", ["sum", "prod"])
@pytest.mark.parametrize("code", ["i1", "i8", "u8", "?"])
def test_integers_do_not_depend_on_the_size_of_blocks(name: str, code: str) -> None:
    x = draw_values(SHAPE, code, 1)
    answers = {run_arrays(name, [x], {"axis": 0}, block_bytes=size).tobytes() for size in (None, 500, 4000)}
    assert len(answers) == 1


@pytest.mark.parametrize("name", ["sum", "mean", "nansum"])
@pytest.mark.parametrize("backend", ["numpy", "torch-cpu"])
def test_a_sum_of_whole_runs_does_not_depend_on_how_they_are_grouped(name: str, backend: BackendKind) -> None:
    x = wide_values((64 * RUN,))
    sizes = (None, 8 * 4 * RUN, 8 * 16 * RUN)
    answers = {run_arrays(name, [x], block_bytes=size, backend=backend).tobytes() for size in sizes}
    assert len(answers) == 1


@pytest.mark.parametrize("name", ["sum", "var", "norm"])
def test_memory_and_workers_do_not_move_a_block(name: str) -> None:
    header = ArrayHeader("x", (10**7, 130), np.dtype("f4"))
    stages = {
        plan_job(OPERATIONS[name], [header], {"axis": 0}, budget=Budget(memory), n_workers=n_workers).stage
        for memory in (1 << 30, 1 << 38)
        for n_workers in (1, 128)
    }
    assert len(stages) == 1


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("name", ["sum", "min", "argmin", "count_nonzero"])
def test_a_layout_in_memory_does_not_change_an_exact_answer(name: str, order: Any) -> None:
    x = np.round(wide_values(SHAPE) * 4).astype("i8")
    expected = run_arrays(name, [x], {"axis": 1}, block_bytes=3000)
    assert run_arrays(name, [np.asarray(x, order=order)], {"axis": 1}, block_bytes=3000).tobytes() == expected.tobytes()
