"""Tests of jobs/operations/elementwise/folding.py."""

import numpy as np
import pytest

from arraymill.jobs.operations.elementwise.folding import fold_numbers


def test_operators_of_python_numbers_stay_python_numbers():
    assert type(fold_numbers("multiply", [2, 3.0], symbol="*")) is float
    assert type(fold_numbers("power", [2, 3], symbol="**")) is int


def test_functions_give_numpy_numbers():
    assert fold_numbers("sqrt", [2]).dtype == np.float64
    assert fold_numbers("add", [np.float32(1), 2], symbol="+").dtype == np.float32


@pytest.mark.parametrize(
    ("function", "symbol", "values"),
    [
        ("power", "**", [9, 9**9]),
        ("power", "**", [-9, 9**9]),
        ("left_shift", "<<", [1, 10**12]),
        ("multiply", "*", [2**100, 2**100]),
        ("power", "**", [2.0, 10**6]),
        ("divide", "/", [1, 0]),
        ("remainder", "%", [1, 0]),
        ("left_shift", "<<", [1, -1]),
        ("floor_divide", "//", [1j, 2]),
        ("invert", "~", [True]),
    ],
)
def test_refused(function, symbol, values):
    with pytest.raises((ArithmeticError, TypeError, ValueError)):
        fold_numbers(function, values, symbol=symbol)


def test_powers_of_one_and_zero_are_small():
    assert fold_numbers("power", [1, 10**15], symbol="**") == 1
    assert fold_numbers("power", [0, 10**15], symbol="**") == 0


@pytest.mark.parametrize("function", ["real", "imag"])
@pytest.mark.parametrize("value", [2, 2.5, 1 + 3j])
def test_parts_of_python_numbers_stay_weak(function, value):
    part = fold_numbers(function, [value])
    assert (type(part), part) == (type(getattr(value, function)), getattr(value, function))
