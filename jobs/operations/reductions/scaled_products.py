"""Products of a piece over axes as scaled numbers: no product is 0, infinite or NaN because a part of it was too small.

Elements are multiplied in groups, so short that what a group makes fits in float64; the groups' products are scaled
(`scaled`) and multiplied in groups again, until one is left. Where elements are far from 1, or on torch, which is not
asked what it holds, they are scaled before they are multiplied.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...stages.kernels import Namespace
from .scaled import as_scaled

__all__ = ["multiply_over"]

_ROOM = 900
"""Bits that the exponent of a group's product may have; that of float64 has 1022 either way."""
_FEW = 4
"""Groups of fewer elements are not worth it: elements are scaled first."""


def multiply_over(xp: Namespace, x: Any, axes: tuple[int, ...]) -> tuple[Any, Any]:
    """Return the mantissas and the exponents of the products over `axes`, in the shape of what is kept.

    Parameters
    ----------
    xp : array API namespace
    x : array of float64 or complex128
    axes : tuple of int
        Ascending.

    Returns
    -------
    array of float64 or complex128, array of int64
        Products are ``m 2^e``.

    Examples
    --------
    >>> m, e = multiply_over(np, np.array([[1e200, 3.0], [1e200, 0.5], [1e-300, 8.0]]), (0,))
    >>> (m * 2.0**e).round(3).tolist()
    [1e+100, 12.0]
    """
    e, room = None, 0
    if xp is np and axes:
        room = _ROOM // _widest_exponent(x)
    if room < _FEW:
        x, e = _scaled(xp, x)
        room = _ROOM
    for axis in reversed(axes):
        while x.shape[axis] > 1:
            x, shift = _scaled(xp, _multiply_groups(xp, x, axis, room))
            e = shift if e is None else _add_groups(xp, e, axis, room) + shift
            room = _ROOM
        x, e = (part if part is None else xp.squeeze(part, axis=axis) for part in (x, e))
    return _scaled(xp, x) if e is None else (x, e)


def _widest_exponent(x: Any) -> int:
    """Return how many binary orders the numbers are away from 1, at most; all of them where that cannot be said."""
    size = np.abs(x) if x.dtype.kind != "c" else np.maximum(np.abs(x.real), np.abs(x.imag))
    least, most = float(size.min()), float(size.max())
    if not (least > 0 and most < np.inf):
        return _ROOM
    # one more, for the sum of the squares of two parts
    return int(max(abs(np.frexp(least)[1]), abs(np.frexp(most)[1]))) + 1


def _multiply_groups(xp: Namespace, x: Any, axis: int, group: int) -> Any:
    """Return the products of neighbours along an axis, a group of them each."""
    return _by_groups(xp, x, axis, group, lambda part, along: xp.prod(part, axis=along, dtype=x.dtype))


def _add_groups(xp: Namespace, e: Any, axis: int, group: int) -> Any:
    return _by_groups(xp, e, axis, group, lambda part, along: xp.sum(part, axis=along, dtype=xp.int64))


def _by_groups(xp: Namespace, x: Any, axis: int, group: int, function: Any) -> Any:
    before, length, after = tuple(x.shape[:axis]), x.shape[axis], tuple(x.shape[axis + 1 :])
    whole = length // group * group
    head = x[(slice(None),) * axis + (slice(0, whole),)]
    rest = x[(slice(None),) * axis + (slice(whole, None),)]
    parts = []
    if whole:
        parts.append(function(xp.reshape(head, (*before, whole // group, group, *after)), axis + 1))
    if whole != length:
        parts.append(xp.expand_dims(function(rest, axis), axis=axis))
    return parts[0] if len(parts) == 1 else xp.concat(parts, axis=axis)


def _scaled(xp: Namespace, x: Any) -> tuple[Any, Any]:
    """Return numbers as mantissas near 1 and exponents; of zeros, infinities and NaN the mantissas are themselves."""
    if xp is np:
        return as_scaled(x)
    if not x.is_complex():
        m, e = xp.frexp(x)
        return m, xp.where(xp.isfinite(m), e, xp.zeros_like(e)).to(xp.int64)
    size = xp.amax(xp.abs(xp.view_as_real(x)), dim=-1)
    e = xp.where(xp.isfinite(size) & (size > 0), xp.frexp(size)[1], 0)
    # in two steps: 2^-e of a number below the normal ones is infinite
    ones, half = xp.ones_like(size), -(e // 2)
    return x * xp.ldexp(ones, half) * xp.ldexp(ones, -e - half), e.to(xp.int64)
