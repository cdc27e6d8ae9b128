"""Facts of expansions: no bit of a finite sum is lost, whatever the order."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arraymill.jobs.operations.reductions.exact import expansion, round_expansion

FINITE = st.floats(-1e300, 1e300, allow_subnormal=True)


@given(st.lists(FINITE, min_size=1, max_size=40))
def test_an_expansion_is_the_exact_sum(values: list[float]) -> None:
    parts = expansion(np.array(values))
    assert sum(map(Fraction, parts.tolist())) == sum(map(Fraction, values))
    assert round_expansion(parts) == math.fsum(values)


@given(st.lists(FINITE, min_size=2, max_size=30), st.data())
def test_grouping_does_not_matter(values: list[float], data: st.DataObject) -> None:
    cut = data.draw(st.integers(1, len(values) - 1))
    halves = np.concatenate([expansion(np.array(values[:cut])), expansion(np.array(values[cut:]))])
    assert round_expansion(expansion(halves)) == math.fsum(values)


def test_parts_are_few_and_fall() -> None:
    parts = expansion(np.random.default_rng(0).standard_normal(1000) * 2.0 ** np.arange(-500, 500))
    assert len(parts) <= 1200 / 53 + 1
    assert (np.abs(parts[1:]) <= np.abs(parts[:-1]) * 2.0**-52).all()


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([math.inf, 1.0], math.inf),
        ([math.inf, -math.inf], math.nan),
        ([math.nan, 1.0], math.nan),
        ([1.7e308, 1.7e308], math.inf),
        ([0.0, -0.0], 0.0),
    ],
)
def test_what_is_not_finite_is_one_number_by_ieee_rules(values: list[float], expected: float) -> None:
    parts = expansion(np.array(values))
    assert len(parts) == 1
    np.testing.assert_array_equal(round_expansion(parts), expected)
