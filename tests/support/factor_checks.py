"""Bounds of factorizations, and matrices on which unstable methods fail them.

A factorization by Householder reflections of m x n is that of a matrix within gamma_mn |x| of x (Higham 2002, theorem
19.4), in practice within eps sqrt(n) |x|; the promise is ten times that, with the eps of the results' dtype. Every
level of a tree multiplies by one more orthonormal factor, each of which is orthonormal to the same bound.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["HARD", "check_orthonormal", "check_product", "hard_matrix", "wide"]

HARD = ("hilbert", "graded", "rank one", "zero column", "zeros", "huge", "tiny")


def hard_matrix(kind: str, m: int = 200, n: int = 6) -> NDArray[np.float64]:
    """Return a matrix whose columns nearly depend on each other, differ by 16 orders, or are not independent at all."""
    rng = np.random.default_rng(5)
    x = rng.standard_normal((m, n))
    rows, columns = np.arange(m), np.arange(n)
    match kind:
        case "hilbert":
            return 1.0 / (1 + rows[:, None] % n + columns)
        case "graded":
            return np.asarray(x * np.logspace(-8, 8, n))
        case "rank one":
            return np.asarray(np.outer(x[:, 0], np.arange(1.0, n + 1)))
        case "zero column":
            x[:, n // 2] = 0
            return x
        case "zeros":
            return np.zeros((m, n))
    return np.asarray(x * (1e200 if kind == "huge" else 1e-200))


def wide(x: NDArray[Any]) -> NDArray[Any]:
    """Return an array in float64 or complex128."""
    return x.astype(np.complex128 if x.dtype.kind == "c" else np.float64)


def check_product(x: NDArray[Any], product: NDArray[Any], dtype: np.dtype[Any]) -> None:
    """Assert ``|x - product| <= 10 eps sqrt(n) |x|``, with the matrix scaled so that no square overflows."""
    scale = np.abs(x).max(initial=0) or 1.0
    allowed = 10 * np.finfo(dtype).eps * np.sqrt(min(x.shape)) * np.linalg.norm(wide(x) / scale)
    assert np.linalg.norm(wide(x) / scale - product / scale) <= allowed


def check_orthonormal(q: NDArray[Any], *, n_levels: int = 1) -> None:
    """Assert that columns are orthonormal within ``10 eps sqrt(n)`` for each level of the tree."""
    n = q.shape[1]
    distance = np.linalg.norm(wide(q).conj().T @ wide(q) - np.eye(n))
    assert distance <= 10 * n_levels * np.finfo(q.dtype).eps * np.sqrt(n)
