"""arange: NumPy's length and integers; fractions are nearer to what they should be than NumPy's."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from in_process_jobs import ShuffledSession, plan_arrays, run_arrays

from arraymill.jobs.errors import SpecError

U = Fraction(1, 2**53)


def compute(block_bytes: int | None = None, **params: Any) -> Any:
    session = ShuffledSession(seed=2, n_workers=2)
    return run_arrays("arange", [], params, block_bytes=block_bytes, session=session)


@settings(max_examples=60)
@given(
    start=st.integers(-1000, 1000),
    length=st.sampled_from((-3, 0, 1, 2, 100, 40_000)),
    step=st.sampled_from((1, 2, 7, -1, -3)),
    rest=st.integers(0, 6),
    dtype=st.sampled_from((None, "int32", "float64", "int64", "complex128")),
    block_bytes=st.sampled_from((None, 999, 100_000)),
)
def test_integers_are_numpys(start: int, length: int, step: int, rest: int, dtype: Any, block_bytes: Any) -> None:
    stop = start + length * step + rest
    result = compute(block_bytes, start=start, stop=stop, step=step, dtype=dtype)
    np.testing.assert_array_equal(result, np.arange(start, stop, step, dtype), strict=True)


@settings(max_examples=60)
@given(
    start=st.floats(-1e6, 1e6),
    step=st.floats(1e-3, 1e3) | st.floats(-1e3, -1e-3),
    length=st.floats(0, 300),
    block_bytes=st.sampled_from((None, 99)),
)
def test_fractions_are_within_two_roundings(start: float, step: float, length: float, block_bytes: Any) -> None:
    stop = start + step * length
    result = compute(block_bytes, start=start, stop=stop, step=step)
    assert len(result) == len(np.arange(start, stop, step))
    for i, got in enumerate(result.tolist()):
        product = i * Fraction(step)
        exact = Fraction(start) + product
        assert abs(Fraction(got) - exact) <= U * (abs(product) + abs(exact) * (1 + U)) * (1 + U)


def test_steps_that_floats_hold_give_numpys_bits() -> None:
    result = compute(start=-3.5, stop=20_000.25, step=0.25, dtype="float32")
    np.testing.assert_array_equal(result, np.arange(-3.5, 20_000.25, 0.25, "f4"), strict=True)


def test_the_ends_of_64_bits_are_reached() -> None:
    top, bottom = np.iinfo("u8").max, np.iinfo("i8").min
    assert compute(start=int(top), stop=int(top) - 3, step=-1, dtype="uint64").tolist() == [top, top - 1, top - 2]
    assert compute(start=int(bottom), stop=2**63, step=2**62).tolist() == [bottom, -(2**62), 0, 2**62]


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"stop": 3, "step": 0}, "is not a range"),
        ({"stop": float("inf")}, "is not a range"),
        ({"stop": 300, "dtype": "int8"}, "int8 does not hold 0 to 299"),
        ({"stop": 3, "step": -1, "start": 9, "dtype": "bool"}, "bool does not hold"),
        ({"stop": 3, "step": 0.5, "dtype": "int64"}, "int64 does not hold steps"),
        ({"stop": 1e300, "step": 1e-5}, "more than an array can have"),
        ({"stop": 2**64}, "64 bits"),
        ({"stop": "far"}, "stop"),
        ({"stop": True}, "stop"),
    ],
)
def test_what_is_no_range_is_refused(params: dict[str, Any], said: str) -> None:
    with pytest.raises(SpecError) as caught:
        plan_arrays("arange", [], params)
    assert said in str(caught.value)


def test_an_empty_range_of_any_dtype_is_empty() -> None:
    assert compute(stop=-300, dtype="int8").dtype == np.dtype("i1")
