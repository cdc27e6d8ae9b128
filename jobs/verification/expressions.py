"""The value of an expression in float64, and how far rounding in narrower arithmetic may move it: a running bound.

Every function is computed in float64 of what its operands are, and again with each operand moved to either end of where
it may be; the largest difference is what it inherits. To that comes its own rounding, in the dtype in which NumPy
computes it: half an ulp of arithmetic, 4 ulps of other functions, the worst that NumPy and CUDA state for theirs.

References
----------
N. J. Higham, "Accuracy and Stability of Numerical Algorithms", 2nd ed. (2002), section 3.3, running error analysis.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..operations.elementwise.expression import parse_expression
from ..operations.elementwise.functions import CASTS, FUNCTIONS
from ..operations.elementwise.typed import Apply, Input, Scalar, Typed, type_expression
from ..operations.operation import numbered_names
from .problem import widen

__all__ = ["evaluate"]

_EXACT = frozenset(
    {
        *("negative", "positive", "absolute", "sign", "copysign", "conjugate", "real", "imag"),
        *("floor", "ceil", "trunc", "rint", "maximum", "minimum", "fmax", "fmin", "where", "clip", "nan_to_num"),
    }
)
"""Functions that round nothing, given what they are given."""
_ARITHMETIC = frozenset(
    {"add", "subtract", "multiply", "divide", "sqrt", "square", "reciprocal", "fmod", "remainder", "floor_divide"}
)
"""Rounded correctly by IEEE 754, or exact."""
_ULPS, _COMPLEX_ULPS = 4.0, 16.0
"""Of every other function; of complex numbers by the formulas in use (Higham 2002, section 3.6), with some to spare."""

Value = tuple[NDArray[Any], NDArray[np.float64]]
"""What something is, and how far it may be from that; inf where rounding decides what it is."""


def evaluate(text: str, arrays: Sequence[NDArray[Any]], names: Sequence[str], dtype: str | None) -> Value:
    """Return the values of an expression and their bounds.

    Parameters
    ----------
    text : str
    arrays : sequence of ndarray
        Native parts of the inputs, which broadcast.
    names : sequence of str
        Of the inputs, or none for x, y and so on.
    dtype : str or None
        Of the result; what the expression gives when it is None.

    Returns
    -------
    values, bounds : ndarray
        Floats in float64 or complex128, whatever else in its own dtype.

    Examples
    --------
    >>> values, bounds = evaluate("x / 3", [np.ones(1, np.float32)], (), None)
    >>> float(values[0]), bool(0 < bounds[0] < 1e-7)
    (0.3333333333333333, True)
    """
    named = names or numbered_names(len(arrays))
    typed = type_expression(
        parse_expression(text), {name: array.dtype for name, array in zip(named, arrays, strict=True)}
    )
    with np.errstate(all="ignore"):
        value, bound = _evaluate(typed, arrays)
        if dtype is not None and value.dtype.kind in "biu":
            value = value.astype(dtype)
        return value, bound


def _evaluate(node: Typed, arrays: Sequence[NDArray[Any]]) -> Value:
    match node:
        case Input():
            value = arrays[node.number]
            return _wide(value), np.zeros(value.shape)
        case Scalar():
            return np.asarray(node.value), np.zeros(())
        case Apply():
            operands = [_operand(node, number, arrays) for number in range(len(node.operands))]
            if node.function == "round" and len(operands) > 1:
                # to decimals: by a product and a quotient, which move what is near a tie
                value, bound = operands[0]
                eps = float(np.finfo(node.dtype).eps) if node.dtype.kind in "fc" else 0.0
                operands[0] = value, bound + np.abs(value) * _ULPS * eps
            return _applied(node, operands)


def _wide(x: NDArray[Any]) -> NDArray[Any]:
    return widen(x) if x.dtype.kind in "fc" else x


def _operand(node: Apply, number: int, arrays: Sequence[NDArray[Any]]) -> Value:
    """Return an operand as NumPy converts it before it computes: rounded, where it is a number or an integer."""
    value, bound = _evaluate(node.operands[number], arrays)
    is_converted = isinstance(node.operands[number], Scalar) or value.dtype.kind in "biu"
    if is_converted and number < len(node.loop):
        converted = np.asarray(value).astype(node.loop[number])
        if value.dtype.kind == "i" and converted.dtype.kind in "iu" and (converted != value).any():
            # a bound, or what is compared with, that the dtype does not hold
            return value, bound
        return _wide(converted), bound
    return value, bound


def _applied(node: Apply, operands: list[Value]) -> Value:
    """Return a function of operands."""
    values = [value for value, _ in operands]

    def call(*given: Any) -> NDArray[Any]:
        if node.function in CASTS:
            kind = "fc" if node.dtype.kind in "fc" else node.dtype.kind
            return _wide(np.asarray(given[0]).astype(np.result_type(node.dtype, "f8") if kind == "fc" else node.dtype))
        return np.asarray(FUNCTIONS[node.function].call(*given))

    value = call(*values)
    inherited = _inherited(node.function, call, value, operands)
    if node.dtype.kind not in "fc":
        return value.astype(node.dtype), np.where(inherited > 0, np.inf, 0.0)
    value = widen(value)
    return value, _overflowing(value, inherited + _own(node, value), node.dtype)


def _own(node: Apply, value: NDArray[Any]) -> NDArray[Any]:
    limits = np.finfo(node.dtype)
    is_complex = "c" in (node.dtype.kind, *(loop.kind for loop in node.loop))
    is_cast = node.function in CASTS
    if node.function in _EXACT and not (is_complex and node.function == "absolute"):
        return np.zeros(value.shape)
    roundings = 0.5 if is_cast or node.function in _ARITHMETIC else _ULPS
    own: NDArray[Any] = np.abs(value) * (_COMPLEX_ULPS if is_complex and not is_cast else roundings)
    own = own * float(limits.eps) + float(limits.smallest_subnormal)
    # 2^-53 more for what is computed here
    return np.where(np.isfinite(value), own + np.abs(value) * _ULPS * 2.0**-52, 0.0)


def _inherited(function: str, call: Any, value: NDArray[Any], operands: list[Value]) -> NDArray[np.float64]:
    """Return how far the errors of operands move a function: the largest move over all corners."""
    if not any((bound > 0).any() for _, bound in operands):
        return np.zeros(value.shape)
    most: NDArray[np.float64] = np.zeros(value.shape)
    for corner in product(*(_directions(each) for each in operands)):
        moved = call(*corner)
        is_same = (moved == value) | ((moved != moved) & (value != value))
        if value.dtype.kind == "b":
            difference = np.where(is_same, 0.0, 1.0)
        else:
            difference = np.where(is_same, 0.0, np.abs(widen(moved) - widen(value)))
        most = np.maximum(most, np.where(np.isnan(difference), np.inf, difference))
    if function in ("sin", "cos"):
        # an extremum may lie between the corners; the slope is at most 1
        most = np.maximum(most, operands[0][1])
    for _, bound in operands:
        most = np.where(bound < np.inf, most, np.inf)
    return most


def _directions(given: Value) -> list[NDArray[Any]]:
    value, bound = given
    if value.dtype.kind not in "fc" or not (bound > 0).any():
        return [value]
    step = np.where(bound < np.inf, bound, 0.0)
    moves = [value - step, value + step]
    return [*moves, value - 1j * step, value + 1j * step] if value.dtype.kind == "c" else moves


def _overflowing(value: NDArray[Any], bound: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return bounds, infinite where narrower arithmetic may overflow and float64 does not."""
    largest = float(np.finfo(dtype).max)
    return np.where(np.isfinite(value) & (np.abs(value) + bound >= largest), np.inf, bound)
