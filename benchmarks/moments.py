"""How far a matrix of second moments, ``x.T @ x`` or a covariance, is from the right one.

Some columns are computed in float64, and all others checked against a random vector (Freivalds, 1977), in one pass over
the input. Let y = x - 1, s the sums of its columns and n its rows. Then x'x = y'y + s 1' + 1 s' + n, and the covariance
is (y'y - s s' / n) / (n - 1): nothing cancels, since the inputs were drawn with mean 1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["moment_error"]

_ROWS = 4096
_SAMPLED = 16


def moment_error(operation: str, x: NDArray[Any]) -> Callable[[NDArray[Any]], float]:
    """Return a function that takes a result and returns its largest relative error.

    Of a covariance it is relative to the standard deviations of the two columns: off the diagonal it is nearly 0.

    >>> import numpy as np
    >>> x = np.random.default_rng(0).standard_normal((100, 40)) + 1
    >>> moment_error("gram", x)(x.T @ x) < 1e-13, moment_error("cov", x)(np.cov(x.T) + 0.01) > 0.005
    (True, True)
    """
    n, columns = x.shape
    generator = np.random.default_rng(0)
    picked = np.linspace(0, columns - 1, min(_SAMPLED, columns)).astype(int)
    vectors = np.zeros((columns, len(picked) + 1))
    vectors[picked, np.arange(len(picked))] = 1.0
    vectors[:, -1] = generator.random(columns)
    products, sums, squares = np.zeros(vectors.shape), np.zeros(columns), np.zeros(columns)
    for start in range(0, n, _ROWS):
        y = x[start : start + _ROWS].astype(np.float64)
        y -= 1.0
        products += y.T @ (y @ vectors)
        sums += y.sum(axis=0)
        squares += np.einsum("ij,ij->j", y, y)
    if operation == "gram":
        totals = vectors.sum(axis=0)
        expected = products + np.outer(sums, totals) + (sums @ vectors) + n * totals
        scale = np.abs(expected)
    else:
        expected = (products - np.outer(sums, sums @ vectors) / n) / (n - 1)
        deviations = np.sqrt((squares - sums**2 / n) / (n - 1))
        scale = np.outer(deviations, deviations @ vectors)

    def error(result: NDArray[Any]) -> float:
        return float(np.max(np.abs(result.astype(np.float64) @ vectors - expected) / scale))

    return error
