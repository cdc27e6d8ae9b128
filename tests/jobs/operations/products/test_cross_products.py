"""gram, cov and corrcoef: NumPy's shapes, dtypes and refusals, within derived bounds, however the array is cut."""

from __future__ import annotations

import warnings
from typing import Any

import array_api_compat.torch as xp
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from in_process_jobs import ROOMY, ShuffledSession, plan_arrays, run_arrays
from numpy.typing import NDArray
from operation_contract import CODES, U64, draw_values, lay_out

from arraymill.jobs.engine import BackendKind
from arraymill.jobs.errors import CannotFitError, InputUnsupportedError, SpecError
from arraymill.jobs.headers import ArrayHeader
from arraymill.jobs.limits import Budget
from arraymill.jobs.operations import OPERATIONS
from arraymill.jobs.operations.products.cross_products import SLAB, add_cross_products
from arraymill.jobs.plans.planning import plan_job

U32 = 2.0**-24
SHAPES = ((0, 3), (1, 1), (1, 4), (5,), (7, 3), (3, 7), (SLAB + 3, 4), (4, 3 * SLAB + 1), (5 * SLAB, 2))
NAMES = ("gram", "cov", "corrcoef")


def ask(name: str, x: NDArray[Any], params: dict[str, Any]) -> NDArray[Any]:
    operation = OPERATIONS[name]
    with np.errstate(all="ignore"), warnings.catch_warnings(action="ignore"):
        return np.asarray(operation.oracle([x], operation.params(**params)))


def slab_error(x: NDArray[Any], name: str) -> float:
    """Return k u of one slab and what float64 adds (Higham 2002, equation 3.13)."""
    narrow = x.dtype.kind in "fc" and x.dtype.itemsize <= 4 * (1 + (x.dtype.kind == "c"))
    u = U32 if narrow else U64
    # products of complex numbers are within sqrt(8) u each; deviations are rounded twice more
    return 4 * (min(max(x.shape), SLAB) + 40) * u + 4 * max(x.shape) * U64


def bound_of(name: str, x: NDArray[Any], params: dict[str, Any], want: NDArray[Any]) -> NDArray[Any]:
    """Return how far a result may be from NumPy's in float64."""
    wide = x.astype(np.complex128 if x.dtype.kind == "c" else np.float64)
    samples_last = name != "gram" and params.get("rowvar", True) and x.ndim == 2
    rows = wide.T if samples_last else wide.reshape(len(wide), wide.shape[1] if wide.ndim == 2 else 1)
    if x.size == 0:
        return np.zeros(want.shape)
    if name == "gram":
        return np.asarray(slab_error(x, name) * (np.abs(rows).T @ np.abs(rows))).reshape(want.shape)
    deviations = np.abs(rows - rows.mean(axis=0)) + 40 * U32 * np.abs(rows).mean(axis=0) * (slab_error(x, name) > 1e-9)
    products = slab_error(x, name) * deviations.T @ deviations
    # the means themselves are known to float64: what that moves the products by
    products += 8 * len(rows) * (len(rows) * U64 * np.abs(rows).mean(axis=0).max(initial=0)) ** 2
    if name == "corrcoef":
        spread = np.sqrt((np.abs(rows - rows.mean(axis=0)) ** 2).sum(axis=0))
        relative = products / np.outer(spread, spread)
        loss = relative + (np.diag(relative)[:, None] + np.diag(relative)[None, :]) / 2
        return np.asarray(4 * loss + 8 * U64).reshape(want.shape)
    freedom = params["ddof"] if params.get("ddof") is not None else int(not params.get("bias", False))
    return np.asarray(2 * products / max(len(rows) - freedom, 1e-300) + 8 * U64 * np.abs(want)).reshape(want.shape)


def may_pass_2_53(x: NDArray[Any]) -> bool:
    """Tell whether the sums of a slab of integers may not be exact in float64."""
    starts = range(0, len(x), SLAB)
    slabs = [x[start : start + SLAB].astype(object) for start in starts]
    return any(len(slab) * max(abs(slab.min()), abs(slab.max())) ** 2 >= 2**53 for slab in slabs)


@pytest.mark.parametrize("backend", ["numpy", "torch-cpu"])
@pytest.mark.parametrize("name", NAMES)
@given(data=st.data())
def test_answers_are_numpys(name: str, backend: BackendKind, data: st.DataObject) -> None:
    code, shape, is_rows = (data.draw(st.sampled_from(choices)) for choices in (CODES, SHAPES, (True, False)))
    samples = 1 if is_rows and name != "gram" else 0
    if len(shape) == 2 and shape[1 - samples] > 100:
        # many variables make a large result and show nothing more
        shape = shape[::-1]
    x = draw_values(shape, code, data.draw(st.integers(0, 50)))
    if name != "gram" and x.dtype.kind in "iu":
        # the means of integers near 2^63 are not known to a digit, to NumPy neither
        x = x % 100
    params: dict[str, Any] = {}
    if name != "gram":
        params["rowvar"] = is_rows
    if name == "cov":
        params |= {"bias": data.draw(st.booleans()), "ddof": data.draw(st.sampled_from((None, 0, 1, 2)))}
    laid = lay_out(x, data.draw(st.sampled_from(("C", "F", "every other"))), data.draw(st.sampled_from("=<>")))
    expected = ask(name, x, params)
    settings: dict[str, Any] = {"backend": backend, "block_bytes": data.draw(st.sampled_from((None, 1, 100_000)))}
    if name == "gram" and backend == "torch-cpu" and code in ("i4", "i8", "u4", "u8") and x.size and may_pass_2_53(x):
        with pytest.raises(InputUnsupportedError, match="2\\^53"):
            run_arrays(name, [laid], params, **settings)
        return
    result = run_arrays(name, [laid], params, session=ShuffledSession(seed=2, n_workers=3), **settings)
    assert (result.shape, result.dtype) == (expected.shape, expected.dtype)
    if name == "gram" and x.dtype.kind in "biu":
        np.testing.assert_array_equal(result, expected)
        return
    wide = ask(name, x.astype("c16" if x.dtype.kind == "c" else "f8"), params)
    with np.errstate(all="ignore"):
        allowed = bound_of(name, x, params, wide) + np.abs(wide) * float(np.finfo(result.dtype).eps)
        same = (result == wide) | (np.isnan(result) & np.isnan(wide)) | (np.abs(result - wide) <= allowed)
        same |= ~np.isfinite(result) & (np.abs(wide) + allowed >= float(np.finfo(result.dtype).max))
        # a variance of nothing but rounding has no correlation worth comparing
        assert (same | (name == "corrcoef") & ~(allowed < 1)).all(), (result, wide, allowed)


def test_covariance_does_not_cancel_at_a_large_mean() -> None:
    # the naive form in float32 is off by hundreds here
    x = (np.random.default_rng(0).standard_normal((20_000, 3)) + 1e3).astype("f4")
    error = np.abs(run_arrays("cov", [x], {"rowvar": False}) - np.cov(x.astype("f8"), rowvar=False))
    assert error.max() < 1e-5


def test_nan_and_infinity_stay_in_their_row_and_column() -> None:
    x = np.random.default_rng(1).standard_normal((3000, 4))
    x[5, 1], x[2900, 3] = np.nan, np.inf
    for name, params in (("gram", {}), ("cov", {"rowvar": False})):
        got, want = run_arrays(name, [x], params), ask(name, x, params)
        np.testing.assert_array_equal(np.isfinite(got), np.isfinite(want))
        np.testing.assert_allclose(got[np.isfinite(want)], want[np.isfinite(want)], rtol=1e-12)


def test_float32_products_that_overflow_are_taken_again_in_float64() -> None:
    x = np.full((10, 2), 1e20, np.float32)
    assert np.isinf(run_arrays("gram", [x], {})).all()
    with np.errstate(over="ignore"):
        total = add_cross_products(np, None, x, np.float64)
    np.testing.assert_allclose(total, 1e41, rtol=1e-6)


@pytest.mark.parametrize("backend", ["numpy", "torch-cpu"])
@pytest.mark.parametrize("code", ["f4", "c8"])
@pytest.mark.parametrize("scale", [1e-30, 1e-25, 1e-21, 1e-15, 1e25])
def test_squares_beyond_float32_lose_nothing(backend: BackendKind, code: str, scale: float) -> None:
    rng = np.random.default_rng(5)
    x = rng.standard_normal((5000, 4)) + (1j * rng.standard_normal((5000, 4)) if code == "c8" else 0)
    # columns of every other size, and one of zeros
    x = (x * np.array([scale, 1, scale, 0])).astype(code)
    want = np.cov(x, rowvar=False)
    deviations = np.sqrt(np.diagonal(want).real)
    got = run_arrays("cov", [x], {"rowvar": False}, backend=backend)
    assert (np.abs(got - want) <= 4 * (2048 + 40) * 2.0**-24 * np.outer(deviations, deviations)).all()
    correlation = run_arrays("corrcoef", [x], {"rowvar": False}, backend=backend)
    np.testing.assert_allclose(correlation[:3, :3], np.corrcoef(x[:, :3], rowvar=False), atol=16 * 2088 * 2.0**-24)
    assert np.isnan(correlation[3]).all()


def test_a_total_is_added_to_in_place() -> None:
    x = np.ones((4, 2), np.float32)
    total = add_cross_products(np, None, x, np.float64)
    assert add_cross_products(np, total, x, np.float64) is total
    assert (total == 8).all()


def test_large_integers_wrap_as_numpys_and_are_refused_on_torch() -> None:
    x = np.full((3, 2), 2**62 + 3)
    np.testing.assert_array_equal(add_cross_products(np, None, x, np.int64), x.T @ x)
    with pytest.raises(InputUnsupportedError, match="2\\^53"):
        add_cross_products(xp, None, torch.from_numpy(x), xp.int64)


@pytest.mark.parametrize("name", NAMES)
def test_the_same_bytes_in_any_order(name: str) -> None:
    x = np.random.default_rng(3).standard_normal((9 * SLAB + 5, 3)).astype("f4")
    params = {} if name == "gram" else {"rowvar": False}
    answers = {
        run_arrays(name, [x], params, block_bytes=1, session=ShuffledSession(seed, n_workers=n)).tobytes()
        for seed, n in ((None, 1), (1, 2), (2, 5))
    }
    assert (plan_arrays(name, [x], params, block_bytes=1).n_blocks, len(answers)) == (10, 1)


@pytest.mark.parametrize("name", NAMES)
def test_more_than_two_axes_are_refused(name: str) -> None:
    with pytest.raises(SpecError, match="3 axes"):
        plan_arrays(name, [np.ones((2, 2, 2))], {})


def test_a_result_that_does_not_fit_is_refused_with_a_way_out() -> None:
    header = ArrayHeader("x.npy", (10**6, 50_000), np.dtype("f4"))
    with pytest.raises(CannotFitError) as caught:
        plan_job(OPERATIONS["gram"], [header], {}, budget=Budget(1 << 30))
    assert "--transpose-a" in caught.value.next


def test_what_returns_is_small_beside_what_is_read() -> None:
    for n in (8, 512, 2000):
        header = ArrayHeader("x.npy", (10**7, n), np.dtype("f4"))
        plan = plan_job(OPERATIONS["gram"], [header], {}, budget=Budget(16 << 30))
        assert plan.n_blocks * 8 * n * n <= header.nbytes / 8
        assert plan.task_host_bytes <= plan.limits.task_host_bytes
    assert ROOMY.host_bytes > 0
