"""The elementwise functions on torch tensors, with NumPy's dtypes and NumPy's answers at the edges.

Where torch's function of the same name differs (integer division by zero, shifts beyond the width, powers of integers,
the sign of a zero remainder), the lines here say so. Nothing here imports torch: the namespace is handed in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np

from ...stages.kernels import Namespace

__all__ = ["COMPLEX_ON_TORCH", "apply_on_torch", "torch_dtype"]

Tensor: TypeAlias = Any
_Twin: TypeAlias = Callable[..., Tensor]


def torch_dtype(xp: Namespace, dtype: np.dtype[Any]) -> Any:
    """Return torch's dtype of the same name.

    >>> import array_api_compat.torch as xp
    >>> torch_dtype(xp, np.dtype("f2"))
    torch.float16
    """
    return getattr(xp, dtype.name)


def apply_on_torch(xp: Namespace, function: str, operands: list[Tensor], loop: np.dtype[Any]) -> Tensor:
    """Return a function of tensors that already have the dtype to compute in.

    Parameters
    ----------
    xp : namespace
        ``array_api_compat.torch``.
    function : str
        A name of `FUNCTIONS`.
    operands : list of tensor
    loop : numpy.dtype
        What NumPy would compute the first operand in: its width bounds shifts.
    """
    if function in ("left_shift", "right_shift"):
        return _shift(xp, function, *operands, n_bits=8 * loop.itemsize)
    twin = _TWINS.get(function)
    return twin(xp, *operands) if twin else getattr(xp, function)(*operands)


def _is_float(tensor: Tensor) -> bool:
    return bool(tensor.dtype.is_floating_point or tensor.dtype.is_complex)


def _keep_integers(name: str) -> _Twin:
    """NumPy leaves integers and booleans as they are; torch has no kernel for some of them."""
    return lambda xp, x: getattr(xp, name)(x) if _is_float(x) else x.clone()


def _add(xp: Namespace, a: Tensor, b: Tensor) -> Tensor:
    # torch multiplies b by a complex 1 first, which makes inf + 0j to inf + nan j
    return xp.complex(a.real + b.real, a.imag + b.imag) if a.dtype.is_complex else xp.add(a, b)


def _subtract(xp: Namespace, a: Tensor, b: Tensor) -> Tensor:
    return xp.complex(a.real - b.real, a.imag - b.imag) if a.dtype.is_complex else xp.sub(a, b)


def _absolute(xp: Namespace, x: Tensor) -> Tensor:
    return x.clone() if x.dtype == xp.bool else xp.abs(x)


def _floor_divide(xp: Namespace, a: Tensor, b: Tensor) -> Tensor:
    if _is_float(a):
        return xp.div(a, b, rounding_mode="floor")
    quotient = xp.div(a, _safe_divisor(xp, b), rounding_mode="floor")
    return xp.where(b == 0, xp.zeros_like(quotient), xp.where(_is_minus_one(b), -a, quotient))


def _remainder(xp: Namespace, a: Tensor, b: Tensor) -> Tensor:
    if _is_float(a):
        rest = xp.remainder(a, b)
        return xp.where(rest == 0, xp.copysign(rest, b), rest)  # NumPy: a zero has the divisor's sign
    rest = xp.remainder(a, _safe_divisor(xp, b))
    return xp.where(b == 0, xp.zeros_like(rest), rest)


def _fmod(xp: Namespace, a: Tensor, b: Tensor) -> Tensor:
    if _is_float(a):
        return xp.fmod(a, b)
    rest = xp.fmod(a, _safe_divisor(xp, b))
    return xp.where(b == 0, xp.zeros_like(rest), rest)


def _safe_divisor(xp: Namespace, b: Tensor) -> Tensor:
    """Replace 0 and -1 by 1: dividing by 0, and the lowest integer by -1, kills the process on the CPU."""
    return xp.where((b == 0) | _is_minus_one(b), xp.ones_like(b), b)


def _is_minus_one(b: Tensor) -> Tensor:
    return (b < 0) & (b == -1)  # uint8: 255 == -1 is true in torch


def _power(xp: Namespace, base: Tensor, exponent: Tensor) -> Tensor:
    if not _is_float(base) and bool((exponent < 0).any()):
        raise ValueError("Integers to negative integer powers are not allowed.")
    return xp.pow(base, exponent)


def _shift(xp: Namespace, function: str, a: Tensor, b: Tensor, *, n_bits: int) -> Tensor:
    inside = (b >= 0) & (b < n_bits)
    by = xp.where(inside, b, xp.zeros_like(b))
    if function == "left_shift":
        return xp.where(inside, xp.bitwise_left_shift(a, by), xp.zeros_like(a))
    return xp.where(inside, xp.bitwise_right_shift(a, by), xp.where(a < 0, -xp.ones_like(a), xp.zeros_like(a)))


def _clip(xp: Namespace, x: Tensor, low: Tensor, high: Tensor) -> Tensor:
    return xp.minimum(xp.maximum(x, low), high)


def _round(xp: Namespace, x: Tensor, decimals: int = 0) -> Tensor:
    """Round as NumPy: scale, round half to even, scale back; complex numbers part by part."""
    if x.dtype.is_complex:
        return xp.complex(_round(xp, x.real, decimals), _round(xp, x.imag, decimals))
    if not _is_float(x):
        if decimals >= 0:
            return x.clone()
        return (xp.round(x.to(xp.float64) / 10.0**-decimals) * 10.0**-decimals).to(x.dtype)
    if decimals == 0:
        return xp.round(x)
    scale = 10.0 ** abs(decimals)
    return xp.round(x * scale) / scale if decimals > 0 else xp.round(x / scale) * scale


def _rint(xp: Namespace, x: Tensor) -> Tensor:
    return _round(xp, x)


def _real(xp: Namespace, z: Tensor) -> Tensor:
    return z.real.clone() if z.dtype.is_complex else z.clone()


def _imag(xp: Namespace, z: Tensor) -> Tensor:
    return z.imag.clone() if z.dtype.is_complex else xp.zeros_like(z)


def _angle(xp: Namespace, z: Tensor) -> Tensor:
    if z.dtype.is_complex:
        return xp.atan2(z.imag, z.real)
    return xp.atan2(xp.zeros_like(z), z)


def _nan_to_num(xp: Namespace, x: Tensor) -> Tensor:
    if x.dtype.is_complex:
        return xp.complex(xp.nan_to_num(x.real), xp.nan_to_num(x.imag))
    return xp.nan_to_num(x)


def _sign(xp: Namespace, x: Tensor) -> Tensor:
    if x.dtype.is_complex:
        return xp.sgn(x)
    sign = xp.sgn(x)
    return xp.where(xp.isnan(x), x, sign) if _is_float(x) else sign  # torch: the sign of NaN is 0


_TWINS: Mapping[str, _Twin] = {
    "absolute": _absolute,
    "add": _add,
    "angle": _angle,
    "ceil": _keep_integers("ceil"),
    "clip": _clip,
    "conjugate": lambda xp, z: xp.conj(z).resolve_conj() if z.dtype.is_complex else z.clone(),
    "divide": lambda xp, a, b: xp.div(a, b),
    "equal": lambda xp, a, b: xp.eq(a, b),
    "floor": _keep_integers("floor"),
    "floor_divide": _floor_divide,
    "fmod": _fmod,
    "imag": _imag,
    "invert": lambda xp, x: xp.bitwise_not(x),
    "nan_to_num": _nan_to_num,
    "positive": lambda xp, x: x.clone(),
    "power": _power,
    "real": _real,
    "remainder": _remainder,
    "rint": _rint,
    "round": _round,
    "sign": _sign,
    "subtract": _subtract,
    "trunc": _keep_integers("trunc"),
    "where": lambda xp, condition, yes, no: xp.where(condition, yes, no),
}

_COMPLEX = (
    "absolute add angle arccos arccosh arcsin arcsinh arctan arctanh conjugate cos cosh divide equal exp imag isfinite "
    "isinf isnan log log10 log2 logical_and logical_not logical_or logical_xor multiply nan_to_num negative not_equal "
    "positive power real reciprocal rint round sign sin sinh sqrt square subtract tan tanh where"
)
COMPLEX_ON_TORCH = frozenset(_COMPLEX.split())
"""Functions of complex numbers that torch has; the others are refused when the job is planned."""
