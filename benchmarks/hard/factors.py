"""Factors of columns that nearly depend on each other, or differ by 16 orders of magnitude; products of long rows."""

from __future__ import annotations

from typing import Any

import dask.array as da
import numpy as np
from numpy.typing import NDArray

from arraymill.jobs import run

from .case import U32, U64, Answer, HardCase
from .sums import chunked

__all__ = ["FACTORS"]

_EPS = 2 * U64


def _n_rows(quick: bool) -> int:
    return 5_000 if quick else 500_000


def hilbert(n: int) -> Any:
    """Return arrays of n columns 1 / (1 + i + j), repeated: condition 5e8 for 7 of them, 2e16 for 12."""

    def arrays(quick: bool) -> tuple[NDArray[Any], ...]:
        return (1.0 / (1 + np.arange(_n_rows(quick))[:, None] % n + np.arange(n)),)

    return arrays


def graded(quick: bool) -> tuple[NDArray[Any], ...]:
    """Return 12 columns whose lengths go from 1e-8 to 1e8."""
    return (np.random.default_rng(5).standard_normal((_n_rows(quick), 12)) * np.logspace(-8, 8, 12),)


def _regression(quick: bool) -> tuple[NDArray[Any], ...]:
    (a,) = hilbert(7)(quick)
    rng = np.random.default_rng(6)
    return a, a @ rng.standard_normal((7, 2)) + rng.standard_normal((len(a), 2))


def _distance_of_product(factors: Any, truth: Any, arrays: Any) -> float:
    (x,) = arrays
    product = factors[0] @ factors[1] if len(factors) == 2 else (factors[0] * factors[1]) @ factors[2]
    return float(np.linalg.norm(x - product) / np.linalg.norm(x))


def _distance_from_orthonormal(factors: Any, truth: Any, arrays: Any) -> float:
    # of a million rows, float64 would show its own rounding
    q = factors[0].astype(np.longdouble)
    return float(np.linalg.norm((q.T @ q - np.eye(q.shape[1])).astype(np.float64)))


def _slope_left(x: Any, truth: Any, arrays: Any) -> float:
    """Return how far a solution is from stationary: |A^T r| / (|A| (|r| + |A| |x|)), r in longdouble."""
    a, b = (array.astype(np.longdouble) for array in arrays)
    rest = b - a @ x
    size = np.linalg.norm(arrays[0])
    slope = np.linalg.norm((a.T @ rest).astype(np.float64))
    return float(slope / (size * (np.linalg.norm(rest.astype(np.float64)) + size * np.linalg.norm(x))))


def _rounding(*arrays: NDArray[Any]) -> float:
    return float(10 * _EPS * np.sqrt(arrays[0].shape[1]))


_FACTORED: dict[str, dict[str, Answer | None]] = {
    "qr": {
        "arraymill": lambda x: run("qr", x),
        "NumPy": np.linalg.qr,
        "dask.array": lambda x: da.compute(*da.linalg.qr(chunked(x))),
    },
    "svd": {
        "arraymill": lambda x: run("svd", x),
        "NumPy": lambda x: np.linalg.svd(x, full_matrices=False),
        "dask.array": lambda x: da.compute(*da.linalg.svd(chunked(x))),
    },
}
_MATRICES = {
    "12 columns, Hilbert": hilbert(12),
    "12 columns, from 1e-8 to 1e8": graded,
    "4 columns, Hilbert": hilbert(4),
}
_BREAKS = "rows that are equal are rounded in one direction, by LAPACK as well"
_FACTORED_CASES = (
    ("qr", "12 columns, Hilbert", "factors times each other less x", ""),
    ("qr", "12 columns, from 1e-8 to 1e8", "factors times each other less x", ""),
    ("qr", "12 columns, from 1e-8 to 1e8", "q.T @ q less 1", ""),
    ("qr", "4 columns, Hilbert", "factors times each other less x", _BREAKS),
    ("qr", "4 columns, Hilbert", "q.T @ q less 1", _BREAKS),
    ("svd", "12 columns, Hilbert", "factors times each other less x", ""),
    ("svd", "12 columns, from 1e-8 to 1e8", "factors times each other less x", ""),
    ("svd", "12 columns, from 1e-8 to 1e8", "q.T @ q less 1", ""),
)
_ERRORS = {
    "factors times each other less x": (_distance_of_product, "norm of x"),
    "q.T @ q less 1": (_distance_from_orthonormal, "1"),
}


def _factored(op: str, matrix: str, what: str, breaks: str) -> HardCase:
    error, measured = _ERRORS[what]
    return HardCase(
        name=f"{op}, {matrix}: {what}",
        measured=measured,
        promise="10 * 2^-52 sqrt(n)",
        arrays=_MATRICES[matrix],
        truth=lambda x: None,
        error=error,
        bound=_rounding,
        answers=_FACTORED[op],
        breaks=breaks,
    )


def _long(quick: bool) -> tuple[NDArray[Any], ...]:
    rng = np.random.default_rng(7)
    m = 64 if quick else 1024
    return rng.standard_normal((m, 4096), np.float32), rng.standard_normal((4096, m), np.float32)


def _of_sizes(got: Any, truth: Any, arrays: Any) -> float:
    a, b = (np.abs(array).astype(np.float64) for array in arrays)
    return float(np.max(np.abs(got - truth) / (a @ b)))


def _product(precision: str, promise: str, bound: float) -> HardCase:
    return HardCase(
        name=f"matmul, k = 4096, float32, --precision {precision}",
        measured="abs(a) @ abs(b)",
        promise=promise,
        arrays=_long,
        truth=lambda a, b: a.astype(np.float64) @ b.astype(np.float64),
        error=_of_sizes,
        bound=lambda a, b: bound,
        answers={
            "arraymill": lambda a, b: run("matmul", a, b, precision=precision),
            "NumPy": np.matmul,
            "dask.array": lambda a, b: (da.from_array(a, chunks=256) @ da.from_array(b, chunks=256)).compute(),
        },
    )


FACTORS = (
    *(_factored(*case) for case in _FACTORED_CASES),
    HardCase(
        name="lstsq, Hilbert, 7 columns: slope of the squares at the solution",
        measured="norm of a * (norm of the rest + norm of a * norm of x)",
        promise="2 * 10 * 2^-52 sqrt(n): backward stable",
        arrays=_regression,
        truth=lambda a, b: None,
        error=_slope_left,
        bound=lambda a, b: 2 * _rounding(a),
        answers={
            "arraymill": lambda a, b: run("lstsq", a, b)[0],
            "NumPy": lambda a, b: np.linalg.lstsq(a, b)[0],
            "dask.array": lambda a, b: da.linalg.lstsq(chunked(a), chunked(b))[0].compute(),
        },
    ),
    _product("standard", "4096 * 2^-24 / (1 - 4096 * 2^-24)", 4096 * U32 / (1 - 4096 * U32)),
    _product("strict", "2^-24 + 4096 * 2^-53", U32 + 4097 * U64),
)
