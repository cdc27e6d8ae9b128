"""Facts of sums beyond the contract: what partials are."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from in_process_jobs import run_arrays

from arraymill.jobs.operations.reductions.sums import SumKernel

F4, F8, C16 = np.dtype("f4"), np.dtype("f8"), np.dtype("c16")


def test_a_sum_of_everything_merges_without_rounding() -> None:
    kernel = SumKernel(F8, F8)
    partials = [kernel.fold(np, np.array([value]), (0,), (0,)) for value in (1e16, 1.0, -1e16, 1e-30)]
    merged = partials[0]
    for partial in partials[1:]:
        merged = kernel.merge(merged, partial)
    assert kernel.finish(merged)[0] == math.fsum([1.0, 1e-30]) == 1.0
    assert merged[0].ravel().tolist() == [1.0, 1e-30]


def test_complex_parts_are_exact_separately() -> None:
    kernel = SumKernel(C16, C16)
    left, right = (kernel.fold(np, np.array([value]), (0,), (0,)) for value in (1e16 + 1j, 1 - 1e-20j))
    assert kernel.finish(kernel.merge(left, right))[0] == complex(math.fsum([1e16, 1]), math.fsum([1, -1e-20]))


def test_a_partial_does_not_grow_with_the_array() -> None:
    kernel = SumKernel(F4, F4)
    merged = kernel.fold(np, np.ones(100_000, "f4"), (0,), (0,))
    for _ in range(20):
        merged = kernel.merge(merged, kernel.fold(np, np.full(100_000, 0.1, "f4"), (0,), (0,)))
    assert len(merged[0]) <= 4


@pytest.mark.parametrize("precision", ["strict", "standard", "fast"])
def test_strict_adds_float32_in_float64(precision: str) -> None:
    x = np.random.default_rng(0).uniform(0, 1, 8000).astype("f4")
    exact = math.fsum(x)
    result = float(run_arrays("sum", [x], {"dtype": "float32"}, precision=precision))
    assert abs(result - exact) <= (0 if precision == "strict" else 32) * 2.0**-24 * exact + 2.0**-24 * exact


def test_a_mean_divides_the_exact_sum_once() -> None:
    x = np.array([0.1] * 10)
    assert run_arrays("mean", [x]) == math.fsum(x) / 10


@pytest.mark.parametrize("name", ["sum", "mean", "nansum", "nanmean"])
@pytest.mark.parametrize("axis", [None, 0, ()])
@pytest.mark.parametrize("code", ["f2", "f4", "f8", "c8"])
def test_a_sum_is_never_minus_zero(name: str, axis: Any, code: str) -> None:
    x = np.full((1, 3), -0.0, code)
    got, want = run_arrays(name, [x], {"axis": axis}), getattr(np, name)(x, axis=axis)
    assert np.array_equal(np.signbit(got.real), np.signbit(want.real))


@pytest.mark.parametrize("name", ["mean", "nanmean"])
def test_a_mean_in_integers_wraps_as_numpys(name: str) -> None:
    for x in (np.array([200, 100, 250], "u1"), np.array([-1, -1, 7], "i4"), np.array([2**31 - 1] * 3, "i8")):
        for dtype in ("uint8", "int32", "uint32", "int64"):
            assert run_arrays(name, [x], {"dtype": dtype}) == getattr(np, name)(x, dtype=dtype)
