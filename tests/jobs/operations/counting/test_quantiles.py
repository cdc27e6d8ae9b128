"""The contract of percentile, quantile, median and their nan forms: NumPy's bits, in memory or by passes."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from in_process_jobs import ROOMY, ShuffledSession, plan_arrays, run_arrays, run_plan
from numpy.typing import NDArray
from operation_contract import CODES, LARGER, LAYOUTS, Case, axes, byte_orders, draw_values, lay_out

from arraymill.jobs.engine import BackendKind
from arraymill.jobs.engine.splitting import split_stage
from arraymill.jobs.errors import CannotFitError, InputUnsupportedError, SpecError
from arraymill.jobs.headers import ArrayHeader
from arraymill.jobs.limits import Budget
from arraymill.jobs.operations import OPERATIONS
from arraymill.jobs.operations.counting.quantile_rules import QuantileRule
from arraymill.jobs.operations.counting.quantile_search import Search, plan_passes
from arraymill.jobs.plans.chains import plan_chain
from arraymill.jobs.plans.planning import check_params
from arraymill.jobs.stages.shapes import MapStage, ReduceStage

NAMES = ("percentile", "quantile", "median", "nanpercentile", "nanquantile", "nanmedian")
METHODS = ("linear", "linear", "lower", "higher", "midpoint", "nearest")
QUARTERS: tuple[Any, ...] = (0.5, 0.1, 0, 1.0, (0.25, 0.5, 0.95), (1.0,), tuple(np.linspace(0, 1, 11).tolist()))


# thousands of columns take NumPy's nan forms a second
shapes = st.lists(st.sampled_from((0, 1, 1, 2, 3, 5, 7)), max_size=4).map(tuple) | st.sampled_from(((900,), (90, 7)))
larger = st.sampled_from(LARGER)


@st.composite
def cases(draw: st.DrawFn, name: str) -> Case:
    code, shape = draw(st.sampled_from(CODES)), draw(shapes if name.startswith("nan") else shapes | larger)
    values = draw_values(shape, code, draw(st.integers(0, 1000)))
    if values.size and values.dtype.kind == "f":
        for where in draw(st.lists(st.integers(0, values.size - 1), max_size=3)):
            values.flat[where] = draw(st.sampled_from((np.nan, np.nan, np.inf, -np.inf, -0.0)))
    params: dict[str, Any] = {"axis": draw(axes(values.ndim, several=True)), "keepdims": draw(st.booleans())}
    if "median" not in name:
        q = draw(st.sampled_from(QUARTERS))
        scale = 100 if "percent" in name else 1
        params["q"] = tuple(scale * part for part in q) if isinstance(q, tuple) else scale * q
        params["method"] = draw(st.sampled_from(METHODS))
    block_bytes = draw(st.sampled_from((None, max(values.nbytes // 3, 1), max(values.nbytes // 7, 1))))
    return Case(lay_out(values, draw(st.sampled_from(LAYOUTS)), draw(byte_orders)), params, block_bytes)


def ask(name: str, x: NDArray[Any], params: dict[str, Any]) -> NDArray[Any] | Exception:
    """Return NumPy's answer, of integers so wide that their differences do not wrap around."""
    operation = OPERATIONS[name]
    with np.errstate(all="ignore"), warnings.catch_warnings(action="ignore"):
        try:
            answer = np.asarray(operation.oracle([x], operation.params(**params)))
            if x.dtype.kind == "i" and answer.dtype.kind == "f":
                wide = np.longdouble if x.itemsize == 8 else np.int64
                answer = np.asarray(operation.oracle([x.astype(wide)], operation.params(**params))).astype(np.float64)
        except (ValueError, TypeError) as error:
            return error
    return answer


def is_first_column_nan(x: NDArray[Any], name: str, params: dict[str, Any]) -> bool:
    """Tell whether NumPy's dtype of several quantiles depends on values: where its first column is all NaN."""
    return name.startswith("nan") and x.dtype.kind == "f" and bool(np.isnan(x).any()) and "q" in params


@pytest.mark.parametrize("backend", ["numpy", "torch-cpu"])
@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=20)
@given(data=st.data())
def test_quantiles_are_numpys(name: str, backend: BackendKind, data: st.DataObject) -> None:
    case = data.draw(cases(name))
    native = case.array.astype(case.array.dtype.newbyteorder("="))
    expected = ask(name, native, case.params)
    if native.dtype.kind == "c" or isinstance(expected, Exception):
        with pytest.raises((InputUnsupportedError, SpecError)):
            compute(name, case, backend)
        return
    before = case.array.tobytes()
    result = compute(name, case, backend)
    assert case.array.tobytes() == before
    assert result.shape == expected.shape
    assert result.dtype == expected.dtype or is_first_column_nan(native, name, case.params)
    if native.dtype == np.int64 and result.dtype.kind == "f":
        # differences of such integers are rounded in NumPy's float64, not in the reference
        np.testing.assert_allclose(result, expected, rtol=2.0**-50)
    else:
        np.testing.assert_array_equal(result, expected)


def compute(name: str, case: Case, backend: BackendKind) -> NDArray[Any]:
    session = ShuffledSession(seed=1, n_workers=2)
    return run_arrays(name, [case.array], case.params, backend=backend, block_bytes=case.block_bytes, session=session)


@pytest.mark.parametrize(
    ("shape", "code", "axis", "kinds"),
    [
        ((1_000_000,), "f4", None, [MapStage]),
        ((10**9,), "f4", None, [ReduceStage] * 2),
        ((10**9,), "f8", None, [ReduceStage] * 4),
        ((10**9,), "u1", None, [ReduceStage]),
        ((10**8, 8), "f4", 0, [ReduceStage] * 2),
        ((8, 10**8), "f4", 1, [ReduceStage] * 2),
        ((10**8, 1000), "f4", 1, [MapStage]),
        ((100_000, 100_000), "f4", 0, [MapStage]),
        ((10**9, 10), "f8", (0, 1), [ReduceStage] * 4),
    ],
)
def test_a_column_is_held_or_counted_by_its_size(shape: Any, code: str, axis: Any, kinds: list[Any]) -> None:
    operation = OPERATIONS["median"]
    header, params = ArrayHeader("x.npy", shape, np.dtype(code)), check_params(operation, {"axis": axis})
    plan = plan_chain(operation, [header], params, budget=ROOMY)
    assert [type(step.plan.stage) for step in plan.steps] == kinds
    assert all(step.plan.task_host_bytes <= plan.limits.task_host_bytes for step in plan.steps)


def test_passes_find_all_bits_once() -> None:
    for n_columns in (1, 8, 1000, 100_000):
        for code in ("u1", "f2", "f4", "f8"):
            search = Search(QuantileRule((0.1, 0.5)), (10, n_columns), (0,), np.dtype(code))
            passes = plan_passes(search)
            assert [bits.shift for bits in passes] == [
                sum(later.width for later in passes[number + 1 :]) for number in range(len(passes))
            ]
            assert sum(bits.width for bits in passes) == 8 * search.dtype.itemsize


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
@pytest.mark.parametrize("backend", ["numpy", "torch-cpu", "fake"])
def test_many_quantiles_are_looked_for_at_once(backend: BackendKind) -> None:
    x = np.random.default_rng(0).standard_normal((70, 90)).astype("f4")
    x[3, 4], x[5, 6] = -0.0, np.inf
    q = list(range(0, 101, 4))
    for dtype in ("f4", "f8", "i4"):
        y = (1000 * x[:, :50] if dtype == "i4" else x).astype(dtype)
        got = run_arrays("percentile", [y], {"q": q}, backend=backend, block_bytes=2000)
        np.testing.assert_array_equal(got, np.percentile(y, q))


@pytest.mark.parametrize("backend", ["numpy", "torch-cpu"])
def test_a_column_that_is_all_nan(backend: BackendKind) -> None:
    x = np.arange(4000.0).reshape(1000, 4)
    x[:, 1], x[7, 2] = np.nan, np.nan
    for block_bytes in (None, 4000):
        for name, one in (("nanmedian", 2002.0), ("median", np.nan)):
            got = run_arrays(name, [x], {"axis": 0}, backend=backend, block_bytes=block_bytes)
            np.testing.assert_array_equal(got, [1998.0, np.nan, one, 2001.0])


def test_differences_of_integers_do_not_wrap_around() -> None:
    x = np.array([-100, 100], np.int8)
    for block_bytes in (None, 1):
        assert run_arrays("quantile", [x], {"q": 0.5}, block_bytes=block_bytes) == 0.0


def test_what_is_asked_for_may_be_text_or_an_array() -> None:
    model = OPERATIONS["percentile"].params
    assert [model(q=q).q for q in ("50", "5,50.5", "[5]", [1, 2.5], np.array([1, 2]), np.float64(3))] == [
        *(50, (5, 50.5), (5,), (1, 2.5), (1, 2), 3.0),
    ]
    for wrong in ("five", {"q": 101}):
        with pytest.raises((SpecError, ValueError)):
            run_arrays("percentile", [np.ones(3)], wrong if isinstance(wrong, dict) else {"q": wrong})


@pytest.mark.parametrize(
    ("shape", "q"), [((10**6, 10**6), 0.5), ((10**6, 200), tuple(np.linspace(0, 1, 5000).tolist()))]
)
def test_what_does_not_fit_is_refused(shape: Any, q: Any) -> None:
    header = ArrayHeader("x.npy", shape, np.dtype("f8"))
    with pytest.raises(CannotFitError, match="not fit in one task"):
        plan_chain(OPERATIONS["quantile"], [header], {"q": q, "axis": 0}, budget=Budget(1 << 20))


@pytest.mark.parametrize("n_splits", [1, 2, 5, 8])
def test_smaller_pieces_give_the_same_bits(n_splits: int) -> None:
    x = np.random.default_rng(0).standard_normal((60, 7)).astype("f4")
    for block_bytes in (None, 400):
        plan = plan_arrays("percentile", [x], {"q": (5, 50, 95, 99), "axis": 0}, block_bytes=block_bytes)
        made: dict[str, Any] = {"x": x}
        for step in plan.steps:
            split = replace(step.plan, stage=split_stage(step.plan.stage, n_splits))
            made[step.name] = run_plan(split, [made[name] for name in step.inputs])
        np.testing.assert_array_equal(made[plan.steps[-1].name], np.percentile(x, (5, 50, 95, 99), axis=0))


def test_thousands_of_quantiles() -> None:
    x = np.random.default_rng(0).standard_normal(20_000).astype("f4")
    q = np.linspace(0, 1, 3001)
    np.testing.assert_array_equal(run_arrays("quantile", [x], {"q": q}, block_bytes=30_000), np.quantile(x, q))
