"""standardize: NumPy's formula within the bounds of mean and std; constants become zeros; scikit-learn agrees."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from in_process_jobs import ShuffledSession, plan_arrays, run_chain
from numpy.typing import NDArray
from operation_contract import LAYOUTS, byte_orders, draw_values, lay_out, moment_bound, reduction_bound
from sklearn.preprocessing import StandardScaler

from arraymill.jobs.engine import BackendKind
from arraymill.jobs.errors import InputUnsupportedError, SpecError
from arraymill.jobs.operations import OPERATIONS

CASES = (((300, 5), 0), ((300, 5), 1), ((4, 5, 6), (0, 2)), ((100,), 0), ((9, 4), None), ((300, 1), -2), ((1, 3), 0))
NAMES = ["standardized", "mean", "std"]


def ask(x: NDArray[Any], params: dict[str, Any]) -> tuple[NDArray[Any], ...]:
    operation = OPERATIONS["standardize"]
    with np.errstate(all="ignore"), warnings.catch_warnings(action="ignore"):
        answer = operation.oracle([x], operation.params(**params))
    assert isinstance(answer, tuple)
    return answer


@pytest.mark.parametrize("backend", ["numpy", "torch-cpu"])
@settings(max_examples=25)
@given(
    case=st.sampled_from(CASES),
    code=st.sampled_from(("f2", "f4", "f8", "i2", "u1", "?", "c8", "c16")),
    ddof=st.sampled_from((0, 1)),
    layout=st.sampled_from(LAYOUTS),
    byte_order=byte_orders,
    block_bytes=st.sampled_from((None, 200, 3000)),
    seed=st.integers(0, 9),
)
def test_results_are_numpys(
    backend: BackendKind,
    case: Any,
    code: str,
    ddof: int,
    layout: str,
    byte_order: Any,
    block_bytes: int | None,
    seed: int,
) -> None:
    shape, axis = case
    x, params = draw_values(shape, code, seed), {"axis": axis, "ddof": ddof}
    expected = ask(x, params)
    arrays, session = [lay_out(x, layout, byte_order)], ShuffledSession(seed)
    made = run_chain("standardize", arrays, params, backend=backend, block_bytes=block_bytes, session=session)
    assert list(made) == NAMES
    assert [(a.shape, a.dtype) for a in made.values()] == [(a.shape, a.dtype) for a in expected]
    check(x, params, list(made.values()), list(expected))


def check(x: NDArray[Any], params: dict[str, Any], got: list[NDArray[Any]], want: list[NDArray[Any]]) -> None:
    """Assert that mean and std are within their bounds, and the result within what they and rounding move it."""
    shared = {"axis": params["axis"], "keepdims": True, "ddof": params["ddof"]}
    with np.errstate(all="ignore"):
        of_mean = reduction_bound("mean", x, shared, want[1])
        of_std = moment_bound("std", x, shared, want[2])
        scale = np.where(want[2] == 0, 1, want[2])
        lost = of_mean / scale + np.abs(want[0]) * of_std / scale
        limits = np.finfo(got[0].dtype)
        rounded = np.abs(want[0]) * float(limits.eps) + float(limits.smallest_subnormal)
    for made, expected, bound in zip(got, want, (2 * lost + rounded, of_mean, of_std), strict=True):
        close = np.abs(made.astype(np.result_type(expected, "f8")) - expected) <= bound + 2.0**-51 * np.abs(expected)
        assert (close | (np.isnan(made) & np.isnan(expected))).all(), (made, expected, bound)


@pytest.mark.parametrize("code", ["f4", "f8"])
@pytest.mark.parametrize("block_bytes", [None, 4000])
def test_constants_become_zeros_and_near_constants_do_not(code: str, block_bytes: int | None) -> None:
    x = np.full((1000, 4), 0.1, code)
    x[:, 1] = -1e30
    x[417, 2] = np.nextafter(x[0, 2], x.dtype.type(1))
    x[:, 3] = np.arange(1000)
    made = run_chain("standardize", [x], block_bytes=block_bytes)
    np.testing.assert_array_equal(made["standardized"][:, :2], 0)
    np.testing.assert_array_equal(made["std"][0, :2], 0)
    np.testing.assert_array_equal(made["mean"][0, :2], x[0, :2])
    assert made["std"][0, 2] > 0
    assert made["standardized"][417, 2] > 0
    scaled = StandardScaler().fit_transform(x.astype("f8"))
    np.testing.assert_allclose(made["standardized"][:, [0, 3]], scaled[:, [0, 3]], atol=1e-5)


def test_a_large_mean_does_not_drown_what_varies() -> None:
    x = (np.random.default_rng(2).standard_normal((5000, 3)) + 1e4).astype("f4")
    made = run_chain("standardize", [x], block_bytes=20_000)
    np.testing.assert_allclose(made["standardized"], ask(x.astype("f8"), {})[0], atol=2e-5)


def test_nan_stays_in_its_column_and_one_sample_has_no_deviation() -> None:
    x = np.arange(30.0).reshape(10, 3)
    x[4, 1] = np.nan
    x[5, 2] = np.inf
    made = run_chain("standardize", [x], block_bytes=80)["standardized"]
    assert np.isfinite(made[:, 0]).all()
    assert np.isnan(made[:, 1:]).all()
    assert np.isnan(run_chain("standardize", [x[:1]], {"ddof": 1})["standardized"]).all()
    np.testing.assert_array_equal(run_chain("standardize", [x[:1]])["standardized"], 0)
    assert run_chain("standardize", [np.empty((0, 3))])["standardized"].shape == (0, 3)


def test_the_order_of_blocks_does_not_matter_and_what_cannot_be_is_refused() -> None:
    x = draw_values((3000, 4), "f4", 1)
    sessions = [ShuffledSession(seed, at_once=2) for seed in (None, 1)]
    answers = [run_chain("standardize", [x], block_bytes=5000, session=session) for session in sessions]
    assert len({tuple(a.tobytes() for a in answer.values()) for answer in answers}) == 1
    with pytest.raises(SpecError, match="axis 2 is out of bounds"):
        plan_arrays("standardize", [x], {"axis": 2})
    with pytest.raises(InputUnsupportedError):
        plan_arrays("standardize", [np.zeros(3, "M8[s]")])
