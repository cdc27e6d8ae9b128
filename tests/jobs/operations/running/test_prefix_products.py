"""Products of lines after a carry: the same whether the carry came by one step or by many."""

from __future__ import annotations

import numpy as np
import pytest

from arraymill.jobs.operations.reductions.scaled import to_plain
from arraymill.jobs.operations.running.prefix_products import ScaledProducts, multiply_in_order


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("spread", [1, 300])
def test_products_of_runs_one_after_another_are_those_of_carries(axis: int, spread: int) -> None:
    """Also of lines of which some run over the ends of float64, and some do not."""
    rng = np.random.default_rng(4)
    x = np.exp2(rng.uniform(-1, 1, (3, 20, 64)) * np.array([1, spread, 1])[:, None, None])
    totals = np.stack([ScaledProducts(x[:, run].copy(), 1).total() for run in range(20)], axis=1)
    carries = multiply_in_order(totals)
    carry = None
    for run in range(20):
        s = x[:, run].copy() if axis else np.ascontiguousarray(x[:, run].T)
        _, carry = ScaledProducts(s, axis).after(carry)
        plain, expected = (to_plain(each["m"], each["e"]) for each in (carry, carries[:, run]))
        np.testing.assert_array_equal(plain, expected)


def test_prefixes_come_back_after_one_that_was_too_large() -> None:
    values, carry = ScaledProducts(np.array([[1e200, 1e200, 1e-300]]), 1).after(None)
    assert values.tolist() == [[1e200, np.inf, pytest.approx(1e100)]]
    values, _ = ScaledProducts(np.array([[1e-100, 1e-200, 1e-200]]), 1).after(carry)
    assert values.tolist() == [[pytest.approx(1), pytest.approx(1e-200), 0]]


def test_carries_are_multiplied_in_order_in_parts() -> None:
    x = np.exp2(np.random.default_rng(5).uniform(-1, 1, (2, 3000)))
    totals = np.stack([ScaledProducts(x[:, [run]], 1).total() for run in range(3000)], axis=1)
    carries = multiply_in_order(totals)
    np.testing.assert_array_equal(to_plain(carries["m"], carries["e"]), np.cumprod(x, axis=1))
