"""Exact sums of float64 numbers, as short expansions.

An *expansion* is a few float64 numbers whose exact sum is the number meant. Adding block sums as expansions makes the
total independent of how blocks were grouped into tasks: it is the exactly rounded sum of the block sums.

References
----------
J. R. Shewchuk, "Adaptive Precision Floating-Point Arithmetic and Fast Robust Geometric Predicates", Discrete &
Computational Geometry 18 (1997), sections 2.1-2.4. `math.fsum` is Python's implementation of the exactly rounded sum.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["expansion", "round_expansion"]


def expansion(terms: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a short expansion of the exact sum of `terms`.

    Parameters
    ----------
    terms : ndarray of float64, shape (n,)

    Returns
    -------
    ndarray of float64, shape (m,)
        Largest first; m is about the width of the sum in multiples of 53 bits, most often 1 to 3. Where terms are not
        finite, or their sum overflows, one number: the sum by IEEE rules.

    Examples
    --------
    >>> expansion(np.array([1e16, 1.0, 1.0, -1e16])).tolist()
    [2.0]
    >>> expansion(np.array([1.0, 1e-30])).tolist()
    [1.0, 1e-30]
    """
    values = terms.tolist()
    parts: list[float] = []
    try:
        while True:
            rest = math.fsum(values)
            if not math.isfinite(rest):
                return _ieee_sum(terms)
            if rest == 0.0 and parts:
                return np.array(parts)
            parts.append(rest)
            if rest == 0.0:
                return np.array(parts)
            values.append(-rest)
    except (OverflowError, ValueError):
        # fsum raises on inf - inf and on overflow, where IEEE arithmetic says nan and inf.
        return _ieee_sum(terms)


def round_expansion(parts: NDArray[Any]) -> float:
    """Return the sum of an expansion, rounded once to float64.

    >>> round_expansion(np.array([1.0, 1e-30]))
    1.0
    """
    try:
        return math.fsum(parts.tolist())
    except (OverflowError, ValueError):
        return float(_ieee_sum(parts)[0])


def _ieee_sum(terms: NDArray[np.float64]) -> NDArray[np.float64]:
    with np.errstate(all="ignore"):
        return np.array([np.add.reduce(terms)])
