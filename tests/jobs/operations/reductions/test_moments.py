"""Facts of moments beyond the contract: merges that are exact in theory, and weights of nothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from in_process_jobs import run_arrays

from arraymill.jobs.operations.reductions.moments import MomentKernel, MomentParams

F8 = np.dtype("f8")
KERNEL = MomentKernel(F8, F8, 0, root=False, skip_nan=True)
VALUES = st.lists(st.floats(-1e6, 1e6) | st.just(float("nan")), min_size=1, max_size=30)


def fold(values: list[float]) -> tuple[np.ndarray, ...]:
    return KERNEL.fold(np, np.array(values), (0,), (0,))


@given(VALUES, VALUES)
def test_two_halves_have_the_moments_of_the_whole(left: list[float], right: list[float]) -> None:
    n, mean, m2 = KERNEL.merge(fold(left), fold(right))
    present = np.array([value for value in (*left, *right) if value == value])
    assert n == len(present)
    if not len(present):
        return
    size = np.abs(present).max()
    assert abs(mean - present.mean()) <= 4 * len(present) * 2.0**-53 * size
    exact = ((present - present.mean()) ** 2).sum()
    assert abs(m2 - exact) <= 16 * len(present) ** 2 * 2.0**-53 * (exact + 2.0**-50 * size**2)


def test_an_empty_half_weighs_nothing() -> None:
    some, none = fold([1.0, 2.0]), fold([float("nan")])
    for merged in (KERNEL.merge(some, none), KERNEL.merge(none, some)):
        assert [part.tolist() for part in merged] == [part.tolist() for part in some]
    assert KERNEL.merge(none, none)[0] == 0
    assert np.isnan(KERNEL.finish(KERNEL.merge(none, none)))


@pytest.mark.parametrize("ddof", [2, 3])
def test_no_degrees_of_freedom_are_numpys_answer(ddof: float) -> None:
    plain = MomentKernel(F8, F8, ddof, root=False, skip_nan=False)
    assert plain.finish(plain.fold(np, np.array([1.0, 2.0]), (0,), (0,))) == np.inf
    skipping = MomentKernel(F8, F8, ddof, root=False, skip_nan=True)
    assert np.isnan(skipping.finish(skipping.fold(np, np.array([1.0, 2.0]), (0,), (0,))))


@pytest.mark.parametrize("dtype", ["int32", "uint8", "bool"])
def test_a_variance_in_whole_numbers_is_refused(dtype: str) -> None:
    with pytest.raises(ValueError, match="has no fractions"):
        MomentParams(dtype=dtype)


@pytest.mark.parametrize("name", ["var", "std", "nanvar", "nanstd"])
@pytest.mark.parametrize("block_bytes", [None, 16])
def test_finite_numbers_of_any_size_have_no_nan_for_a_variance(name: str, block_bytes: int | None) -> None:
    most = np.finfo(F8).max
    for values in ([most, most, 1.0], [1e308, 1.5e308], [most, most, most, -most], [1e200, 2e200]):
        assert run_arrays(name, [np.array(values)], block_bytes=block_bytes) == np.inf
    x = np.array([[most, 1, np.inf, 1e-140], [most / 2, 2, 1, 3e-140]])
    want = [np.inf, 0.25, np.nan, 1e-280] if name.endswith("var") else [np.inf, 0.5, np.nan, 1e-140]
    np.testing.assert_allclose(run_arrays(name, [x], {"axis": 0}, block_bytes=block_bytes), want, rtol=1e-15)


@pytest.mark.parametrize("name", ["std", "nanstd"])
@pytest.mark.parametrize("axis", [None, 0, 1])
@pytest.mark.parametrize("scale", [1e-15, 1e-20, 1e-22, 1e-25, 1e-35])
def test_squares_too_small_for_float32_lose_nothing(name: str, axis: int | None, scale: float) -> None:
    x = (np.random.default_rng(3).standard_normal((300, 40)) * scale).astype(np.float32)
    x[:, 5] = 0
    want = np.std(x.astype(F8), axis=axis)
    # blocks of 32 additions, subtracted and squared: within 36 2^-24 of itself, its root within half of that
    np.testing.assert_allclose(run_arrays(name, [x], {"axis": axis}), want, rtol=36 * 2.0**-24)
    np.testing.assert_allclose(run_arrays(name, [x], {"axis": axis}, backend="torch-cpu"), want, rtol=36 * 2.0**-24)
