"""The contract of topk: NumPy's stable order, NaN the largest of all, however the array is cut."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from in_process_jobs import ROOMY, ShuffledSession, plan_arrays, run_arrays, run_chain, run_plan
from numpy.typing import NDArray
from operation_contract import CODES, LAYOUTS, Case, axes, byte_orders, draw_values, lay_out, shapes

from arraymill.jobs.engine import BackendKind
from arraymill.jobs.engine.splitting import split_stage
from arraymill.jobs.errors import InputUnsupportedError, SpecError
from arraymill.jobs.headers import ArrayHeader
from arraymill.jobs.operations import OPERATIONS
from arraymill.jobs.operations.counting.ranked import first_of_rows, numbers_of
from arraymill.jobs.plans.chains import plan_chain
from arraymill.jobs.stages.shapes import MapStage, ReduceStage

NAN, INF = float("nan"), float("inf")


@st.composite
def cases(draw: st.DrawFn) -> Case:
    values = draw_values(draw(shapes), draw(st.sampled_from(CODES)), draw(st.integers(0, 1000)))
    if values.dtype.kind == "f":
        # many that are equal
        values = np.round(values)
        for where in draw(st.lists(st.integers(0, max(values.size - 1, 0)), max_size=4)):
            values.flat[where : where + 1] = draw(st.sampled_from((NAN, -NAN, INF, -INF, 0.0, -0.0)))
    k, largest = draw(st.sampled_from((1, 2, 3, 7, 100))), draw(st.booleans())
    params = {"k": k, "axis": draw(axes(values.ndim, several=False)), "largest": largest}
    block_bytes = draw(st.sampled_from((None, max(values.nbytes // 5, 1), max(values.nbytes // 33, 1))))
    return Case(lay_out(values, draw(st.sampled_from(LAYOUTS)), draw(byte_orders)), params, block_bytes)


def ask(x: NDArray[Any], params: dict[str, Any]) -> tuple[NDArray[Any], ...] | Exception:
    operation: Any = OPERATIONS["topk"]
    try:
        return operation.oracle([x], operation.params(**params))
    except (ValueError, TypeError) as error:
        return error


@pytest.mark.parametrize("backend", ["numpy", "torch-cpu"])
@given(case=cases())
def test_topk_is_a_stable_sort(backend: BackendKind, case: Case) -> None:
    native = case.array.astype(case.array.dtype.newbyteorder("="))
    expected = ask(native, case.params)
    if native.dtype.kind == "c" or isinstance(expected, Exception):
        with pytest.raises((InputUnsupportedError, SpecError)):
            compute(case, backend)
        return
    made = compute(case, backend)
    for name, want in zip(("values", "indices"), expected, strict=True):
        assert (made[name].dtype, made[name].shape) == (want.dtype, want.shape)
        np.testing.assert_array_equal(made[name], want)


def compute(case: Case, backend: BackendKind) -> dict[str, NDArray[Any]]:
    session = ShuffledSession(seed=1, n_workers=2)
    return run_chain("topk", [case.array], case.params, backend=backend, block_bytes=case.block_bytes, session=session)


@pytest.mark.parametrize("backend", ["numpy", "torch-cpu", "fake"])
def test_nan_is_the_largest_and_the_lowest_index_is_first(backend: BackendKind) -> None:
    x = np.array([1.0, NAN, 3.0, -0.0, 3.0, 0.0, NAN, -INF])
    for block_bytes in (None, 16):
        where: Any = {"backend": backend, "block_bytes": block_bytes}
        largest = run_chain("topk", [x], {"k": 5}, **where)
        smallest = run_chain("topk", [x], {"k": 8, "largest": False}, **where)
        np.testing.assert_array_equal(largest["values"], [NAN, NAN, 3, 3, 1])
        assert largest["indices"].tolist() == [1, 6, 2, 4, 0]
        np.testing.assert_array_equal(smallest["values"], [-INF, 0, 0, 1, 3, 3, NAN, NAN])
        assert smallest["indices"].tolist() == [7, 3, 5, 0, 2, 4, 1, 6]
        assert np.signbit(smallest["values"][1:3]).tolist() == [True, False]


@pytest.mark.parametrize("code", ["f4", "f8", "u1", "i8"])
@pytest.mark.parametrize("special", [0.0, NAN])
def test_long_rows_are_ranked_as_short_ones(code: str, special: float) -> None:
    rng = np.random.default_rng(0)
    x = (rng.standard_normal((2, 30_011)) * 40).astype(code) if code != "u1" else rng.integers(0, 9, (2, 30_011), "u1")
    if code[0] == "f":
        x[0, [5, 30_010]] = special
    for largest in (True, False):
        want = ask(x, {"k": 9, "axis": 1, "largest": largest})
        keys, places = first_of_rows(np, x, 9, x.dtype, largest=largest)
        np.testing.assert_array_equal(numbers_of(keys, x.dtype), want[0])
        np.testing.assert_array_equal(places, want[1])


@pytest.mark.parametrize(
    ("shape", "order", "axis", "kind"),
    [
        ((10**9,), "C", -1, ReduceStage),
        ((10**9, 10), "C", -1, MapStage),
        ((10**9, 10), "C", 0, ReduceStage),
        ((10**9, 10), "F", -1, MapStage),
        ((10, 10**9), "F", 0, MapStage),
        ((1000, 10**6), "C", 0, MapStage),
        ((10**5, 10**5), "C", None, ReduceStage),
    ],
)
def test_rows_are_held_or_merged_by_their_size(shape: Any, order: Any, axis: Any, kind: Any) -> None:
    header = ArrayHeader("x.npy", shape, np.dtype("f4"), order)
    plan = plan_chain(OPERATIONS["topk"], [header], {"k": 10, "axis": axis}, budget=ROOMY)
    assert type(plan.steps[0].plan.stage) is kind
    assert all(step.plan.task_host_bytes <= plan.limits.task_host_bytes for step in plan.steps)


@pytest.mark.parametrize("k", [0, 11])
def test_k_is_at_least_one_and_no_more_than_there_are(k: int) -> None:
    with pytest.raises(SpecError):
        run_arrays("topk", [np.arange(10.0)], {"k": k})


@pytest.mark.parametrize("n_splits", [1, 3, 8])
@pytest.mark.parametrize("block_bytes", [None, 300])
def test_smaller_pieces_give_the_same(n_splits: int, block_bytes: int | None) -> None:
    x = np.random.default_rng(0).integers(0, 50, (60, 7), "i4")
    plan = plan_arrays("topk", [x], {"k": 5}, block_bytes=block_bytes).steps[0].plan
    records = run_plan(replace(plan, stage=split_stage(plan.stage, n_splits)), [x])
    want = ask(x, {"k": 5})
    np.testing.assert_array_equal(records["values"], want[0])
    np.testing.assert_array_equal(records["indices"], want[1])
