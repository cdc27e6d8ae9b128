"""Facts of raw moments: within the bound that the module states, and believed only where nothing cancels."""

from __future__ import annotations

import numpy as np
import pytest

from arraymill.jobs.operations.reductions.raw_moments import CONDITION, LONG, raw_moments, trusted_m2

U32 = 2.0**-24


@pytest.mark.parametrize(
    ("shape", "axes"),
    [
        ((1000,), (0,)),
        ((130, 7), (0,)),
        ((137, 200), (0,)),
        ((300, 512), (1,)),
        ((5, 1000), (1,)),
        ((3, LONG + 5), (1,)),
        ((4, 9, 11), (1,)),
        ((6, 5, 130), (0, 2)),
        ((70_000, 1), (1,)),
    ],
)
@pytest.mark.parametrize("code", ["f4", "f8"])
def test_moments_are_numpys_in_float64(shape: tuple[int, ...], axes: tuple[int, ...], code: str) -> None:
    x = np.random.default_rng(len(shape)).standard_normal(shape).astype(code)
    wide = x.astype("f8")
    sums, squares, _ = raw_moments(x, axes)
    bound = 38 * (U32 if code == "f4" else 2.0**-53)
    assert sums.shape == squares.shape == (wide.sum(axis=axes).size,)
    assert (np.abs(sums - wide.sum(axis=axes).ravel()) <= bound * np.abs(wide).sum(axis=axes).ravel()).all()
    assert (np.abs(squares - (wide**2).sum(axis=axes).ravel()) <= 2 * bound * (wide**2).sum(axis=axes).ravel()).all()


@pytest.mark.parametrize("length", [2, 100, 512, LONG - 1])
def test_short_rows_far_from_zero_are_believed_only_as_far_as_float64_reaches(length: int) -> None:
    rng = np.random.default_rng(length)
    for mean in (0.0, 100.0, 1e3, 1e5, 1e7):
        x = (rng.standard_normal((20, length)) + mean).astype("f4")
        sums, squares, condition = raw_moments(x, (1,))
        m2 = trusted_m2(length, sums, squares, condition)
        exact = ((x.astype("f8") - x.astype("f8").mean(axis=1, keepdims=True)) ** 2).sum(axis=1)
        if m2 is not None:
            assert (np.abs(m2 - exact) <= U32 * exact).all()
        assert (m2 is not None) or mean > 10
        assert (m2 is None) or mean < 1e5


def test_a_mean_that_is_large_is_not_believed() -> None:
    x = (np.random.default_rng(0).standard_normal((64, 100)) + 10).astype("f4")
    sums, squares, condition = raw_moments(x, (0,))
    assert condition == CONDITION
    assert trusted_m2(64, sums, squares, condition) is None
