"""Prefix products of a run of floats: plain where none of them is near the ends of float64, else scaled."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..reductions.scaled import as_scaled, fits, multiply_scaled, scaled_dtype, scaled_prefixes, to_plain
from .scans import scan_lanes, scan_rows

__all__ = ["ScaledProducts", "multiply_in_order"]

_CHUNK = 512
"""Mantissas within a factor of sqrt(2) of 1 that are multiplied before the product is made one again."""
_NEAR = 1000


class ScaledProducts:
    """The prefix products of lines.

    Parameters
    ----------
    s : ndarray of float64 or complex128
        (n, lines) or (lines, n). It is written over.
    axis : {0, 1}
        Along which products are taken.

    Examples
    --------
    >>> products = ScaledProducts(np.array([[1e200, 1e200, 1e-300]]), 1)
    >>> products.after(None)[0].tolist()
    [[1e+200, inf, 1e+100]]
    """

    @np.errstate(all="ignore")
    def __init__(self, s: NDArray[Any], axis: int) -> None:
        given = s.copy()
        (scan_rows if axis == 0 else scan_lanes)(np.multiply, s)
        self._plain = s if axis else s.T
        self._far = np.flatnonzero(~fits(self._plain, 1))
        self._scaled = scaled_prefixes((given if axis else given.T)[self._far])
        self._axis = axis

    def total(self) -> NDArray[Any]:
        """Return the products of whole lines, scaled."""
        total = np.empty(len(self._plain), scaled_dtype(self._plain.dtype))
        total["m"], total["e"] = as_scaled(self._plain[:, -1])
        total[self._far] = self._scaled[:, -1]
        return total

    @np.errstate(all="ignore")
    def after(self, carry: NDArray[Any] | None) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return the prefixes times a scaled number for each line, in the shape of `s`, and the carry that comes next.

        Parameters
        ----------
        carry : ndarray of records, or None
            None at the beginning of lines.
        """
        total, values, m, e = self.total(), self._plain, self._scaled["m"], self._scaled["e"]
        if carry is None:
            values[self._far] = to_plain(m, e)
            return self._shaped(values), total
        np.multiply(carry["m"][:, None], values, out=values)
        if np.abs(carry["e"]).max(initial=0) < _NEAR:
            values *= np.ldexp(1.0, carry["e"])[:, None]
        else:
            values[...] = to_plain(values, carry["e"][:, None])
        far = carry[self._far, None]
        values[self._far] = to_plain(far["m"] * m, far["e"] + e)
        return self._shaped(values), multiply_scaled(carry, total)

    def _shaped(self, values: NDArray[Any]) -> NDArray[Any]:
        return values if self._axis else values.T


@np.errstate(all="ignore")
def multiply_in_order(x: NDArray[Any]) -> NDArray[Any]:
    """Return the products of scaled numbers and all before them along axis 1, one after another."""
    out = np.empty_like(x)
    carry = None
    for start in range(0, x.shape[1], _CHUNK):
        part = x[:, start : start + _CHUNK].copy()
        if carry is not None:
            part[:, 0] = multiply_scaled(carry, part[:, 0])
        m = np.multiply.accumulate(part["m"], axis=1)
        out["m"][:, start : start + _CHUNK], shift = as_scaled(m)
        out["e"][:, start : start + _CHUNK] = np.add.accumulate(part["e"], axis=1) + shift
        carry = out[:, start + part.shape[1] - 1]
    return out
