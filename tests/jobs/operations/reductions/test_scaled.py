"""Scaled numbers: products of any size, with the bits of plain ones where those fit."""

from __future__ import annotations

from fractions import Fraction
from itertools import accumulate
from operator import mul
from typing import Any

import numpy as np
import pytest

from arraymill.jobs.operations.reductions.scaled import as_scaled, fits, multiply_scaled, scaled_prefixes, to_plain
from arraymill.jobs.operations.running.scans import scan_lanes


@pytest.mark.parametrize("value", [1.0, -3.5, 5e-324, 1.7e308, 0.70710678, 0.0, -0.0, np.inf, -np.inf, np.nan])
def test_a_number_comes_back(value: float) -> None:
    m, e = as_scaled(np.array([value]))
    back = to_plain(m, e)
    assert back.tobytes() == np.array([value]).tobytes()
    if value and np.isfinite(value):
        assert 0.5 < abs(m[0]) ** 2 < 2.0001


def test_complex_numbers_come_back() -> None:
    x = np.array([3 - 4j, 1e300 + 1e200j, 0j, 5e-324j])
    assert np.array_equal(to_plain(*as_scaled(x)), x)


@pytest.mark.parametrize("n", [1, 31, 33, 1000, 32 * 1024])
def test_prefixes_that_fit_have_the_bits_of_plain_ones(n: int) -> None:
    x = np.exp2(np.random.default_rng(1).uniform(-1, 1, (2, n)))
    plain = x.copy()
    scan_lanes(np.multiply, plain)
    scaled = scaled_prefixes(x)
    assert fits(plain, 1).all()
    assert np.array_equal(to_plain(scaled["m"], scaled["e"]), plain)


@pytest.mark.parametrize("steepness", [-300, 300, 0])
def test_prefixes_of_any_size_are_right(steepness: int) -> None:
    x = np.exp2(np.random.default_rng(2).uniform(-400, 400, (1, 200)) + steepness)
    scaled = scaled_prefixes(x)[0]
    exact = accumulate(map(Fraction, x[0].tolist()), mul)
    for (m, e), want in zip(scaled.tolist(), exact, strict=True):
        assert abs(Fraction(m) * Fraction(2) ** e / want - 1) < Fraction(300, 2**53)


@pytest.mark.parametrize(("x", "expected"), [([2, 0, 5, np.inf], [2, 0, 0, np.nan]), ([np.inf, -2, 0.5], [np.inf] * 3)])
def test_what_is_not_finite_goes_on_as_in_numpy(x: Any, expected: Any) -> None:
    scaled = scaled_prefixes(np.array([x], float))[0]
    np.testing.assert_array_equal(np.abs(to_plain(scaled["m"], scaled["e"])), expected)


def test_a_product_of_two_is_exact_in_size() -> None:
    tiny = scaled_prefixes(np.full((1, 10), 1e-300))[0, -1:]
    huge = scaled_prefixes(np.full((1, 10), 1e300))[0, -1:]
    product = multiply_scaled(tiny, huge)
    assert to_plain(product["m"], product["e"])[0] == pytest.approx(1)
