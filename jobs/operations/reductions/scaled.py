"""Products of many numbers as a mantissa and a power of 2, so that none is lost because one before it was too large.

NumPy's product of 1e-200, 1e-200, 1e200, 1e200 is 0, because it was 0 half way; a product by blocks would be NaN, zero
times infinity. Here it is 1. Multiplying by a power of 2 is exact, so where a product does fit in float64 at every step
the bits are those that plain multiplication gives.

A *scaled* number is a record of ``m`` (float64 or complex128) and ``e`` (int64) that stands for ``m 2^e``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..running.scans import GROUP

__all__ = ["MOST_SCALED", "as_scaled", "fits", "multiply_scaled", "scaled_dtype", "scaled_prefixes", "to_plain"]

MOST_SCALED = GROUP * 1024
"""Elements of a run: groups of mantissas, each within a factor of sqrt(2) of 1, then make at most 2^512."""
_LOW, _HIGH = 2.0**-900, 2.0**900
"""Prefixes of a run within these were exact in range at every step, and stay so when multiplied by a mantissa."""
_MOST = 5000
"""Exponents beyond this are zero or infinity in every dtype."""


def scaled_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the dtype of records for mantissas of float64 or complex128."""
    return np.dtype([("m", dtype), ("e", np.int64)])


def fits(x: NDArray[Any], axis: int) -> NDArray[np.bool_]:
    """Tell of each line along an axis whether all its numbers are far from overflow, underflow, zero, inf and NaN."""
    size = np.abs(x) if x.dtype.kind != "c" else np.maximum(np.abs(x.real), np.abs(x.imag))
    return np.asarray((size.min(axis=axis) > _LOW) & (size.max(axis=axis) < _HIGH))


def as_scaled(x: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Return numbers as mantissas within a factor of sqrt(2) of 1, and exponents.

    Of zeros, infinities and NaN the mantissas are themselves; of complex numbers the larger part is near 1.

    Examples
    --------
    >>> as_scaled(np.array([1.0, 6.0, 0.0]))
    (array([1.  , 0.75, 0.  ]), array([0, 3, 0]))
    """
    size = np.abs(x) if x.dtype.kind != "c" else np.maximum(np.abs(x.real), np.abs(x.imag))
    mantissa, exponent = np.frexp(size)
    e = np.array(exponent, np.int64)
    e -= mantissa < 0.5**0.5
    e[(size == 0) | ~np.isfinite(size)] = 0
    return to_plain(x, -e), e


@np.errstate(all="ignore")
def to_plain(m: NDArray[Any], e: NDArray[np.int64]) -> NDArray[Any]:
    """Return ``m 2^e``, rounded once: 0 or infinite where it does not fit.

    Examples
    --------
    >>> to_plain(np.array([0.75, 1.0]), np.array([3, 2000])).tolist()
    [6.0, inf]
    """
    exponent = np.clip(e, -_MOST, _MOST)
    if m.dtype.kind != "c":
        return np.asarray(np.ldexp(m, exponent))
    out = np.empty(np.broadcast_shapes(m.shape, e.shape), m.dtype)
    out.real, out.imag = np.ldexp(m.real, exponent), np.ldexp(m.imag, exponent)
    return out


@np.errstate(all="ignore")
def multiply_scaled(left: NDArray[Any], right: NDArray[Any]) -> NDArray[Any]:
    """Return the product of scaled numbers."""
    out = np.empty(np.broadcast_shapes(left.shape, right.shape), left.dtype)
    out["m"], shift = as_scaled(left["m"] * right["m"])
    out["e"] = left["e"] + right["e"] + shift
    return out


@np.errstate(all="ignore")
def scaled_prefixes(x: NDArray[Any]) -> NDArray[Any]:
    """Return the products of all prefixes along the last axis, as scaled numbers.

    Parameters
    ----------
    x : ndarray of float64 or complex128, of shape (lanes, n)
        n is at most `MOST_SCALED`.

    Returns
    -------
    ndarray of records, of the same shape
        With the bits of `scans.scan_lanes`, where that does not overflow.

    Examples
    --------
    >>> scaled_prefixes(np.array([[1e-200, 1e-200, 1e200, 1e200]]))["m"].round(3).tolist()
    [[0.765, 1.172, 0.765, 1.0]]
    """
    n_lanes, n = x.shape
    out = np.zeros((n_lanes, -(-n // GROUP) * GROUP), scaled_dtype(x.dtype))
    out["m"] = 1
    out["m"][:, :n], out["e"][:, :n] = as_scaled(x)
    groups = out.reshape(n_lanes, out.shape[1] // GROUP, GROUP)
    m, e = groups["m"], groups["e"]
    for place in range(1, GROUP):
        np.multiply(m[..., place - 1], m[..., place], out=m[..., place])
    np.add.accumulate(e, axis=-1, out=e)
    total, shift = as_scaled(m[:, :-1, -1])
    np.multiply(np.multiply.accumulate(total, axis=1)[..., None], m[:, 1:], out=m[:, 1:])
    e[:, 1:] += np.add.accumulate(e[:, :-1, -1] + shift, axis=1)[..., None]
    out["m"], shift = as_scaled(out["m"])
    out["e"] += shift
    return out[:, :n]
