"""Products of pieces as scaled numbers: those of exact arithmetic, to so many roundings."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import array_api_compat.torch as torch_xp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arraymill.jobs.operations.reductions.scaled_products import multiply_over

FLOATS = st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=True)


def multiplied(x: Any, axes: tuple[int, ...], backend: str) -> tuple[Any, Any]:
    if backend == "numpy":
        return multiply_over(np, x, axes)
    m, e = multiply_over(torch_xp, torch_xp.asarray(x), axes)
    return m.numpy(), e.numpy()


@pytest.mark.parametrize("backend", ["numpy", "torch"])
@given(st.lists(FLOATS, min_size=1, max_size=40))
def test_a_product_of_any_size_is_the_exact_one(backend: str, values: list[float]) -> None:
    m, e = multiplied(np.array(values), (0,), backend)
    exact = math.prod(map(Fraction, values))
    got = Fraction(float(m)) * Fraction(2) ** int(e)
    assert abs(got - exact) <= abs(exact) * len(values) * Fraction(1, 2**53)


@pytest.mark.parametrize("backend", ["numpy", "torch"])
@pytest.mark.parametrize("code", ["f8", "c16"])
@pytest.mark.parametrize("axes", [(), (0,), (1,), (2,), (0, 2), (0, 1, 2)])
@pytest.mark.parametrize("order", [0, 250])
def test_axes_are_those_of_numpys_product(backend: str, code: str, axes: tuple[int, ...], order: int) -> None:
    rng = np.random.default_rng(1)
    x = rng.uniform(0.8, 1.24, (3, 1001, 2)).astype(code) * (
        1 if code == "f8" else np.exp(1j * rng.random((3, 1001, 2)))
    )
    powers = rng.integers(-order, order + 1, x.shape)
    m, e = multiplied(x * 2.0**powers, axes, backend)
    want = np.prod(x, axis=axes) if axes else x
    assert (m.shape, m.dtype, e.dtype) == (want.shape, want.dtype, np.int64)
    scale = 2.0 ** (e - np.sum(powers, axis=axes)) if axes else 2.0 ** (e - powers)
    assert np.all(np.abs(m * scale - want) <= 6 * x.size * 2.0**-53 * np.abs(want))
