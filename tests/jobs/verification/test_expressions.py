"""Running bounds: what narrower arithmetic gives is within them, and what rounding decides is said to be undecided."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from verified_arrays import check, outputs_of, spoiled

from arraymill.jobs.verification.expressions import evaluate

EXPRESSIONS = (
    "(x - 3) * exp(y)", "where(x > y, x, -y)", "sin(x) + cos(y) * 1e3", "x / y", "x // y", "x % y", "round(x, 2) + y",
    "abs(x) ** 0.5 - y", "log1p(abs(x)) - log(abs(y) + 1)", "arctan2(x, y)", "floor(x * 3) + y", "clip(x, -1, 1) * y",
    "x * x - y * y", "hypot(x, y)", "float32(x) + y", "isnan(x) | (y > 0)", "sqrt(x) - sqrt(y)", "exp(exp(x)) / exp(y)",
    "tanh(x) * y", "x ** 3 + y", "sin(exp(3 * x)) + y",
)  # fmt: skip


@settings(max_examples=60)
@given(
    text=st.sampled_from(EXPRESSIONS),
    code=st.sampled_from(("f2", "f4", "f8", "i4", "u1")),
    other=st.sampled_from(("f4", "f8", "i8")),
    special=st.sampled_from((None, math.nan, math.inf, 0.0)),
    seed=st.integers(0, 1000),
)
def test_results_are_within_the_bounds(text: str, code: str, other: str, special: float | None, seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, y = ((rng.standard_normal((6, 5)) * 3 + 1).astype(each) for each in (code, other))
    if special is not None and x.dtype.kind == "f":
        x[2, 3] = special
    made = outputs_of("map", (x, y[:1]), {"expr": text})
    (finding,) = check("map", (x, y[:1]), {"expr": text}, made)
    assert finding.is_within_bound


@pytest.mark.parametrize("text", ["(x - 3) * exp(y)", "log1p(abs(x)) * y", "x / y + 1"])
def test_bounds_are_narrow(text: str) -> None:
    x, y = (np.random.default_rng(seed).uniform(1, 2, 100).astype("f4") for seed in (1, 2))
    values, bound = evaluate(text, [x, y], (), None)
    assert (bound < 64 * 2.0**-24 * np.abs(values).max()).all()
    made = outputs_of("map", (x, y), {"expr": text})[""]
    (finding,) = check("map", (x, y), {"expr": text}, {"": spoiled(made, (50,))})
    assert (finding.is_within_bound, finding.worst.index) == (False, (50,))


def test_what_rounding_decides_is_undecided() -> None:
    x = np.full(3, 1 / 3, "f4")
    _, bound = evaluate("floor(x * 3)", [x], (), None)
    assert (bound >= 1).all()
    _, bound = evaluate("x * 3 < 1", [x], (), None)
    assert np.isinf(bound).all()


def test_integers_wrap_and_are_exact() -> None:
    x = np.array([2**31 - 1, 5], "i4")
    values, bound = evaluate("x * 2 + 1", [x], (), None)
    assert (values.tolist(), bound.tolist()) == ([-1, 11], [0, 0])
