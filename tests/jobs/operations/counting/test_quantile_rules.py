"""Facts of quantiles of sorted columns: NumPy's bits, but where its integers wrap around."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from operation_contract import draw_values

from arraymill.jobs.operations.counting.quantile_rules import QuantileRule

METHODS = ("linear", "lower", "higher", "midpoint", "nearest")
fractions = st.sampled_from((0, 1, 0.0, 1.0, 0.5, 0.1)) | st.floats(0, 1)


def quantiles(rule: QuantileRule, x: np.ndarray) -> np.ndarray:
    lengths = np.array([len(x)])
    return rule.interpolate(np.sort(x)[rule.ranks(lengths)], lengths).reshape(rule.shape)


@given(
    st.sampled_from(("i8", "u1", "u2", "u8", "f2", "f4", "f8")),
    st.integers(1, 40),
    st.integers(0, 100),
    fractions | st.lists(fractions, min_size=1, max_size=3).map(tuple),
    st.sampled_from(METHODS),
)
def test_quantiles_are_numpys(code: str, n: int, seed: int, q: Any, method: Any) -> None:
    x = draw_values((n,), code, 2 * seed)
    percents = tuple(100 * part for part in q) if isinstance(q, tuple) else 100 * q
    for rule, want in (
        (QuantileRule(q, method=method), np.quantile(x, q, method=method)),
        (QuantileRule(percents, True, method), np.percentile(x, percents, method=method)),
        (QuantileRule(None), np.median(x)),
    ):
        got = quantiles(rule, x)
        assert got.dtype == want.dtype
        np.testing.assert_array_equal(got, want)


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
@pytest.mark.parametrize("q", [0.25, 0.5, (0.5, 1.0)])
def test_between_infinities_is_numpys(q: Any) -> None:
    for x in (np.array([-np.inf, np.inf]), np.array([np.inf, np.inf]), np.array([1, np.inf], np.float32)):
        np.testing.assert_array_equal(quantiles(QuantileRule(q), x), np.quantile(x, q))
        np.testing.assert_array_equal(quantiles(QuantileRule(None), x), np.median(x))


def test_differences_of_integers_do_not_wrap_around() -> None:
    # NumPy 2.4: 128.0 and 9.2e18
    assert quantiles(QuantileRule(0.5), np.array([-100, 100], np.int8)) == 0.0
    assert quantiles(QuantileRule(0.5), np.array([-(2**62) - 2**61, 2**62 + 2**61])) == 0.0


def test_every_column_may_have_its_own_length() -> None:
    x = np.array([[1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0, np.nan]]).T
    lengths, rule = np.array([4, 3]), QuantileRule((0.5, 0.9), skip_nan=True)
    got = rule.interpolate(np.take_along_axis(x, rule.ranks(lengths), axis=0), lengths)
    np.testing.assert_array_equal(got, np.nanquantile(x, (0.5, 0.9), axis=0))
