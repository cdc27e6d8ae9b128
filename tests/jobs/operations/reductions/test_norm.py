"""Facts of norms beyond the contract: orders as they are written, scales that merge, what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from in_process_jobs import plan_arrays, run_arrays
from pydantic import ValidationError

from arraymill.jobs.errors import SpecError
from arraymill.jobs.operations.reductions.norm import NormKernel, NormParams

F8 = np.dtype("f8")


@pytest.mark.parametrize(
    ("text", "order"), [("none", None), ("FRO", "fro"), ("2", 2.0), ("-inf", -np.inf), ("inf", np.inf), (1, 1.0)]
)
def test_orders_as_a_command_line_gives_them(text: Any, order: Any) -> None:
    assert NormParams.model_validate({"ord": text}).ord == order


def test_an_order_that_is_none_is_refused() -> None:
    with pytest.raises(ValidationError):
        NormParams.model_validate({"ord": "nuc"})


@pytest.mark.parametrize("ord", [1, 2, -2, np.inf])
def test_matrix_norms_are_refused(ord: Any) -> None:
    for axis in (None, (0, 1)):
        with pytest.raises(SpecError, match="norm of matrices"):
            plan_arrays("norm", [np.ones((3, 4))], {"ord": ord, "axis": axis})


def test_frobenius_is_for_two_axes() -> None:
    with pytest.raises(SpecError, match="ord=fro is for matrices"):
        plan_arrays("norm", [np.ones(3)], {"ord": "fro"})
    assert run_arrays("norm", [np.ones((3, 3))], {"ord": "fro"}) == 3


@pytest.mark.parametrize("p", [1.0, 2.0, 3.0, -1.0])
def test_zero_has_no_scale(p: float) -> None:
    kernel = NormKernel(p, F8, F8)
    with np.errstate(divide="ignore"):
        tiny = kernel.fold(np, np.array([1e-300, 1e-300]), (0,), (0,))
        zero = kernel.fold(np, np.array([0.0, 0.0]), (0,), (0,))
    expected = 1e-300 * 2 ** (1 / p) if p > 0 else 0.0
    for merged in (kernel.merge(tiny, zero), kernel.merge(zero, tiny)):
        assert abs(kernel.finish(merged)[0] - expected) <= 16 * 2.0**-53 * expected


def test_a_negative_order_is_led_by_the_smallest() -> None:
    x = np.array([1e-30, 1e30], "f4")
    for block_bytes in (None, 4):
        result = float(run_arrays("norm", [x], {"ord": -1}, block_bytes=block_bytes))
        assert abs(result - float(x[0])) <= 8 * 2.0**-24 * float(x[0])


def test_integers_are_measured_in_float64() -> None:
    x = np.array([2**31 - 1] * 2, "i4")
    result = run_arrays("norm", [x])
    assert result.dtype == np.float64
    assert abs(float(result) - np.sqrt(2) * (2**31 - 1)) <= 4 * 2.0**-53 * 2**32
