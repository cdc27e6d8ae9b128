"""Facts of sums of rows: every shape and dtype, exactly where nothing is rounded."""

from __future__ import annotations

import numpy as np
import pytest

from arraymill.jobs.operations.reductions.row_sums import sum_rows


@pytest.mark.parametrize(
    "shape", [(0, 3, 4), (2, 0, 4), (2, 3, 0), (1, 1, 1), (5, 3, 2), (2, 32, 1), (3, 32, 513), (7, 1, 200)]
)
@pytest.mark.parametrize("code", ["f4", "f8", "c8", "c16"])
def test_small_integers_are_added_exactly(shape: tuple[int, int, int], code: str) -> None:
    x = (np.arange(np.prod(shape)) % 97).reshape(shape).astype(code)
    sums = sum_rows(x)
    assert sums.dtype == x.dtype
    assert np.array_equal(sums, x.sum(axis=1))


def test_rows_may_lie_apart() -> None:
    x = np.arange(4.0 * 50 * 30).reshape(4, 50, 30)
    assert np.array_equal(sum_rows(x[:, :32]), x[:, :32].sum(axis=1))


def test_infinities_and_nan_stay_in_their_columns() -> None:
    x = np.ones((1, 32, 40), np.float32)
    x[0, 3, 1], x[0, 4, 1], x[0, 5, 2], x[0, 6, 3] = np.inf, -np.inf, np.nan, -np.inf
    with np.errstate(invalid="ignore"):
        sums = sum_rows(x)[0]
    assert np.isnan(sums[[1, 2]]).all()
    assert sums[3] == -np.inf
    assert (sums[[0, *range(4, 40)]] == 32).all()
