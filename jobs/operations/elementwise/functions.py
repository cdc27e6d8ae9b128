"""The functions that an expression may call: NumPy's names, NumPy's functions, and nothing else.

Operators are entries of the same table under the name of their NumPy function (``+`` is ``add``). Most entries are
ufuncs; the few that are not bring a way to write into a given array.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["CASTS", "FUNCTIONS", "Function", "write_cast"]

Write: TypeAlias = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Function:
    """One elementwise function.

    Parameters
    ----------
    name : str
        NumPy's name.
    call : callable
        NumPy's own function of the operands; it returns a new array.
    n_arguments : tuple of int
        The fewest and the most arguments.
    flops : int
        Floating point operations for one element, an estimate for the plan.
    write_into : callable, optional
        ``write_into(out, *operands)`` for a function that is not a ufunc.
    in_expression : bool
        Whether an expression may call it by name; the others stand behind an operator.
    """

    name: str
    call: Callable[..., Any]
    n_arguments: tuple[int, int]
    flops: int = 1
    write_into: Write | None = None
    in_expression: bool = True

    def write(self, out: NDArray[Any], *operands: Any) -> None:
        """Write the function of the operands into `out`, which has the result's dtype."""
        if self.write_into is None:
            self.call(*operands, out=out)
        else:
            self.write_into(out, *operands)

    @property
    def may_alias(self) -> bool:
        """Whether `out` may be one of the operands: a ufunc reads an element before it writes it."""
        return isinstance(self.call, np.ufunc)


def write_cast(out: NDArray[Any], operand: Any) -> None:
    """Write an operand into `out` in the dtype of `out`, as ``astype`` does.

    >>> out = np.empty(2, np.uint8)
    >>> write_cast(out, np.array([1, 258]))
    >>> out
    array([1, 2], dtype=uint8)
    """
    np.copyto(out, operand, casting="unsafe")


def _write_where(out: NDArray[Any], condition: Any, yes: Any, no: Any) -> None:
    write_cast(out, no)
    np.copyto(out, yes, where=np.asarray(condition).astype(bool, copy=False), casting="unsafe")


def _write_clip(out: NDArray[Any], x: Any, low: Any, high: Any) -> None:
    np.clip(x, low, high, out=out)


def _write_round(out: NDArray[Any], x: Any, decimals: int = 0) -> None:
    # given an output, NumPy neither broadcasts nor rounds integers to tens
    if np.shape(x) == out.shape and out.dtype.kind in "fc":
        np.round(x, decimals, out=out)
    else:
        write_cast(out, np.round(x, decimals))


def _write_nan_to_num(out: NDArray[Any], x: Any) -> None:
    write_cast(out, x)
    np.nan_to_num(out, copy=False)


def _write_real(out: NDArray[Any], z: Any) -> None:
    write_cast(out, np.real(z))


def _write_imag(out: NDArray[Any], z: Any) -> None:
    write_cast(out, np.imag(z) if np.iscomplexobj(z) else 0)


def _write_angle(out: NDArray[Any], z: Any) -> None:
    np.arctan2(np.imag(z) if np.iscomplexobj(z) else 0, np.real(z), out=out)


_CHEAP = (
    "square absolute sign floor ceil trunc rint isnan isinf isfinite reciprocal conjugate deg2rad rad2deg signbit "
    "maximum minimum fmax fmin power fmod remainder floor_divide divide copysign logical_and logical_or logical_xor "
    "logical_not"
)
_COSTLY = (
    "exp exp2 expm1 log log2 log10 log1p sqrt sin cos tan arcsin arccos arctan sinh cosh tanh arcsinh arccosh arctanh "
    "arctan2 hypot"
)
_OPERATORS = (
    "add subtract multiply negative positive invert bitwise_and bitwise_or bitwise_xor left_shift right_shift "
    "less less_equal greater greater_equal equal not_equal"
)
_COSTLY_FLOPS = 20
"""About what one transcendental function costs in fused multiply-adds, on the CPU and on a GPU."""
_OTHERS = (
    Function("where", np.where, (3, 3), 1, _write_where),
    Function("clip", np.clip, (3, 3), 2, _write_clip),
    Function("round", np.round, (1, 2), 3, _write_round),
    Function("nan_to_num", np.nan_to_num, (1, 1), 1, _write_nan_to_num),
    Function("real", np.real, (1, 1), 0, _write_real),
    Function("imag", np.imag, (1, 1), 0, _write_imag),
    Function("angle", np.angle, (1, 1), _COSTLY_FLOPS, _write_angle),
)
_ALIASES = {
    "abs": "absolute",
    "acos": "arccos",
    "acosh": "arccosh",
    "asin": "arcsin",
    "asinh": "arcsinh",
    "atan": "arctan",
    "atan2": "arctan2",
    "atanh": "arctanh",
    "conj": "conjugate",
    "mod": "remainder",
    "pow": "power",
    "true_divide": "divide",
}


def _ufuncs(names: str, *, flops: int, in_expression: bool) -> dict[str, Function]:
    table = {}
    for name in names.split():
        ufunc = getattr(np, name)
        table[name] = Function(name, ufunc, (ufunc.nin, ufunc.nin), flops, None, in_expression)
    return table


def _table() -> dict[str, Function]:
    table = _ufuncs(_CHEAP, flops=1, in_expression=True)
    table |= _ufuncs(_COSTLY, flops=_COSTLY_FLOPS, in_expression=True)
    table |= _ufuncs(_OPERATORS, flops=1, in_expression=False)
    table |= {function.name: function for function in _OTHERS}
    return table | {alias: table[name] for alias, name in _ALIASES.items()}


FUNCTIONS: Mapping[str, Function] = MappingProxyType(_table())
"""Functions by name; an alias leads to the function of the plain name."""

CASTS: Mapping[str, np.dtype[Any]] = MappingProxyType(
    {
        dtype.name: dtype
        for dtype in map(np.dtype, ("?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "c8", "c16"))
    }
)
"""Dtypes that an expression may call as a function: ``float32(x)`` is ``x.astype(float32)``."""
