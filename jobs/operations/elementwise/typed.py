"""Expressions with NumPy's dtype at every node, found by asking NumPy on arrays of one element.

No promotion rule is copied: Python numbers are weak and dtypes promote because NumPy says so (NEP 50), and what NumPy
refuses, ``uint8 - 300`` or ``floor`` of a complex number, is refused here, with NumPy's words, before the job starts.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn, TypeAlias

import numpy as np

from .expression import Call, Constant, Expression, Name, Node, fail_at, suggest
from .folding import fold_numbers
from .functions import CASTS, FUNCTIONS

__all__ = ["Apply", "Input", "Scalar", "Typed", "cast_typed", "input_numbers", "type_expression"]


@dataclass(frozen=True, slots=True)
class Input:
    """One operand of the job, by its number."""

    number: int
    dtype: np.dtype[Any]


@dataclass(frozen=True, slots=True)
class Scalar:
    """A number: weak if a Python one, of its own dtype if a NumPy one."""

    value: Any


@dataclass(frozen=True, slots=True)
class Apply:
    """A function of operands.

    Parameters
    ----------
    function : str
        A name of `FUNCTIONS` or `CASTS`.
    operands : tuple of Typed
        At least one of them is not a scalar.
    loop : tuple of numpy.dtype
        What NumPy converts each operand to before it computes.
    dtype : numpy.dtype
        Of the result.
    """

    function: str
    operands: tuple[Typed, ...]
    loop: tuple[np.dtype[Any], ...]
    dtype: np.dtype[Any]


Typed: TypeAlias = Input | Scalar | Apply

_CONSTANTS = {"pi": math.pi, "e": math.e, "inf": math.inf, "nan": math.nan}
_ORDER = frozenset({"less", "less_equal", "greater", "greater_equal", "equal", "not_equal"})
_FLOAT_POWERS = {0.5: "sqrt", 1.0: "positive", 2.0: "square", -1.0: "reciprocal"}
_OPERATOR_POWERS = frozenset({("c", float, 0.5), ("c", int, -1), ("b", int, 2)})


def type_expression(expression: Expression, dtypes: Mapping[str, np.dtype[Any]]) -> Typed:
    """Return the tree of an expression with NumPy's dtype at every node.

    Parameters
    ----------
    expression : Expression
    dtypes : mapping of str to numpy.dtype
        The inputs' dtypes by name; their order numbers the inputs.

    Raises
    ------
    SpecError
        For an unknown name, and where NumPy refuses the dtypes or a number.

    Examples
    --------
    >>> from .expression import parse_expression
    >>> type_expression(parse_expression("x * 2.5"), {"x": np.dtype("f4")}).dtype
    dtype('float32')
    >>> type_expression(parse_expression("x / 2"), {"x": np.dtype("i4")}).dtype
    dtype('float64')
    """
    native = {name: dtype.newbyteorder("=") for name, dtype in dtypes.items()}
    with np.errstate(all="ignore"), warnings.catch_warnings(action="ignore"):
        return _Typist(expression.text, native).type_node(expression.root)


def cast_typed(typed: Typed, dtype: np.dtype[Any]) -> Typed:
    """Return a tree whose result has `dtype`; the tree itself where it has it already.

    >>> cast_typed(Input(0, np.dtype("f4")), np.dtype("f8")).function
    'float64'
    """
    assert not isinstance(typed, Scalar)
    return typed if typed.dtype == dtype else Apply(dtype.name, (typed,), (typed.dtype,), dtype)


def input_numbers(typed: Typed) -> frozenset[int]:
    """Return the numbers of the inputs that a tree uses.

    >>> sorted(input_numbers(Input(1, np.dtype("f4"))))
    [1]
    """
    if isinstance(typed, Apply):
        return frozenset().union(*map(input_numbers, typed.operands))
    return frozenset({typed.number}) if isinstance(typed, Input) else frozenset()


@dataclass(frozen=True, slots=True)
class _Typist:
    text: str
    dtypes: Mapping[str, np.dtype[Any]]

    def type_node(self, node: Node) -> Typed:
        match node:
            case Constant():
                return Scalar(node.value)
            case Name():
                return self.type_name(node)
            case Call():
                operands = tuple(map(self.type_node, node.operands))
                try:
                    return _type_call(node, operands)
                except (ArithmeticError, TypeError, ValueError) as error:
                    return self.refuse(node, operands, error)

    def type_name(self, node: Name) -> Typed:
        if node.name in self.dtypes:
            return Input(list(self.dtypes).index(node.name), self.dtypes[node.name])
        if node.name in _CONSTANTS:
            return Scalar(_CONSTANTS[node.name])
        hint = suggest(node.name, {*self.dtypes, *_CONSTANTS})
        return fail_at(self.text, node.column, f"unknown name {node.name}", hint)

    def refuse(self, node: Call, operands: Sequence[Typed], error: Exception) -> NoReturn:
        written = node.symbol or node.function
        shown = ", ".join(str(o.value) if isinstance(o, Scalar) else o.dtype.name for o in operands)
        what = f"{written} of {shown}: {error}"
        fail_at(self.text, node.column, what, "convert an operand first: float64(...)", why=error)


def _type_call(node: Call, operands: tuple[Typed, ...]) -> Typed:
    if node.function in CASTS:
        return _type_cast(CASTS[node.function], operands[0])
    scalars = [operand.value for operand in operands if isinstance(operand, Scalar)]
    if len(scalars) == len(operands):
        return Scalar(fold_numbers(node.function, scalars, symbol=node.symbol))
    if node.symbol == "**" or node.function == "power":
        operands, function = _simplify_power(node, operands)
    else:
        function = node.function
    call = FUNCTIONS[function].call
    result = np.asarray(call(*map(_probe, operands)))
    loop = _loop_dtypes(function, operands, result.dtype)
    _check_scalars(function, operands, result.dtype)
    return _constant_comparison(Apply(function, operands, loop, result.dtype))


def _type_cast(dtype: np.dtype[Any], operand: Typed) -> Typed:
    source = np.asarray(operand.value).dtype if isinstance(operand, Scalar) else operand.dtype
    if source.kind == "c" and dtype.kind not in "cb":
        raise TypeError("a complex number is not cut to its real part silently: write real(...) or abs(...)")
    if isinstance(operand, Scalar):
        return Scalar(dtype.type(operand.value))
    return cast_typed(operand, dtype)


def _probe(operand: Typed) -> Any:
    return operand.value if isinstance(operand, Scalar) else np.ones(1, operand.dtype)


def _loop_dtypes(function: str, operands: Sequence[Typed], result: np.dtype[Any]) -> tuple[np.dtype[Any], ...]:
    call = FUNCTIONS[function].call
    if isinstance(call, np.ufunc):
        asked = tuple(_loop_question(operand) for operand in operands)
        return call.resolve_dtypes((*asked, *[None] * call.nout))[: len(operands)]
    if function == "where":
        return (np.dtype(bool), result, result)
    if function == "clip":
        return (result, result, result)
    return tuple(np.asarray(_probe(operand)).dtype for operand in operands)


def _loop_question(operand: Typed) -> Any:
    if not isinstance(operand, Scalar):
        return operand.dtype
    weak = type(operand.value) in (int, float, complex)
    return type(operand.value) if weak else np.asarray(operand.value).dtype


def _check_scalars(function: str, operands: Sequence[Typed], result: np.dtype[Any]) -> None:
    """Raise where NumPy cuts a number silently (``where``), would go wrong at run time, or leaves it undefined."""
    if function == "where":
        for operand in operands[1:]:
            if isinstance(operand, Scalar) and isinstance(operand.value, int):
                np.array(operand.value, result)
    if function == "round" and len(operands) > 1 and not isinstance(operands[1], Scalar):
        raise TypeError("the number of decimals must be a number")
    if function == "reciprocal" and result.kind in "iu":
        raise TypeError("the reciprocal of an integer is cut to an integer: write 1 / x")


def _simplify_power(node: Call, operands: tuple[Typed, ...]) -> tuple[tuple[Typed, ...], str]:
    """Return what NumPy computes for a power with a fixed exponent: ``x ** 2`` of floats is ``square(x)``."""
    base, exponent = operands
    if isinstance(base, Scalar) or not isinstance(exponent, Scalar) or isinstance(exponent.value, complex):
        return operands, "power"
    loop = np.power.resolve_dtypes((base.dtype, _loop_question(exponent), None))[0]
    value = exponent.value
    # the operator alone, and Python numbers alone, take these ways: np.power does not
    special = node.symbol and (base.dtype.kind, type(value), value) in _OPERATOR_POWERS
    if special or (loop.kind == "f" and value in _FLOAT_POWERS):
        return (base if special else cast_typed(base, loop),), _FLOAT_POWERS[float(value)]
    return operands, "power"


def _constant_comparison(apply: Apply) -> Apply:
    """Replace the comparison of integers with an integer outside their range by what it always is."""
    if apply.function not in _ORDER or apply.loop[0].kind not in "iu":
        return apply
    array, number = apply.operands if isinstance(apply.operands[1], Scalar) else reversed(apply.operands)
    if isinstance(array, Scalar) or not isinstance(number, Scalar) or type(number.value) is not int:
        return apply
    limits = np.iinfo(apply.loop[0])
    if limits.min <= number.value <= limits.max:
        return apply
    always = bool(FUNCTIONS[apply.function].call(*map(_probe, apply.operands))[0])
    return Apply("isfinite" if always else "isinf", (array,), (array.dtype,), np.dtype(bool))
