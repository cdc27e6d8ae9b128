"""Functions of numbers alone, computed once, when the job is planned.

An operator between Python numbers follows Python, so that its result stays weak (NEP 50); everything else is NumPy's.
Integers are bounded before they are computed: ``9**9**9`` is refused, not tried.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from .functions import FUNCTIONS

__all__ = ["fold_numbers"]

_MAX_BITS = 128
_PYTHON: Mapping[str, Callable[..., Any]] = {
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "divide": operator.truediv,
    "floor_divide": operator.floordiv,
    "remainder": operator.mod,
    "power": operator.pow,
    "bitwise_and": operator.and_,
    "bitwise_or": operator.or_,
    "bitwise_xor": operator.xor,
    "left_shift": operator.lshift,
    "right_shift": operator.rshift,
    "positive": operator.pos,
    "negative": operator.neg,
    "invert": operator.invert,
    "logical_not": operator.not_,
    "less": operator.lt,
    "less_equal": operator.le,
    "greater": operator.gt,
    "greater_equal": operator.ge,
    "equal": operator.eq,
    "not_equal": operator.ne,
}


def fold_numbers(function: str, values: Sequence[Any], *, symbol: str = "") -> Any:
    """Return a function of numbers.

    Parameters
    ----------
    function : str
        A name of `FUNCTIONS`.
    values : sequence of Python or NumPy scalars
    symbol : str
        The operator that was written, or "" for a call.

    Raises
    ------
    ArithmeticError, TypeError, ValueError
        What Python or NumPy raises, and OverflowError for integers of more than 128 bits.

    Examples
    --------
    >>> fold_numbers("power", [2, 10], symbol="**"), fold_numbers("sqrt", [4])
    (1024, np.float64(2.0))
    """
    if not symbol or any(isinstance(value, np.generic) for value in values):
        result = FUNCTIONS[function].call(*values)
        # the real part of a Python number is one, and weak as the number was
        return result if type(result) in (bool, int, float, complex) else np.asarray(result)[()]
    if function == "invert" and isinstance(values[0], bool):
        raise TypeError("of True or False is -2 or -1: write not")
    if _result_bits(function, values) > _MAX_BITS:
        raise OverflowError(f"the integer has more than {_MAX_BITS} bits")
    return _PYTHON[function](*values)


def _result_bits(function: str, values: Sequence[Any]) -> int:
    """Return a lower bound of the bits of an integer result that is exact enough to bound the work."""
    if function not in ("power", "left_shift", "multiply") or not all(isinstance(value, int) for value in values):
        return 0
    left, right = map(int, values)
    if function == "multiply":
        return left.bit_length() + right.bit_length() - 1
    if function == "left_shift":
        return left.bit_length() + right
    return (abs(left).bit_length() - 1) * right
