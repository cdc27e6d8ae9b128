"""Moments about a mean that is 10,000 times the standard deviation, and of deviations whose squares float32 has not."""

from __future__ import annotations

from typing import Any

import dask.array as da
import numpy as np
from numpy.typing import NDArray

from arraymill.jobs import run

from .case import U32, U64, Answer, HardCase
from .sums import chunked

__all__ = ["MOMENTS"]

_MEAN = 1e4
_S = 36 * U32
"""The error of a float32 sum of deviations: 32 roundings of a block, 4 of what is squared."""
_ROWS = 1 << 15
_SLAB = 2048


def _far(quick: bool) -> tuple[NDArray[Any], ...]:
    rng = np.random.default_rng(4)
    n = 20_000 if quick else 2_000_000
    x = rng.standard_normal((n, 8), np.float32)
    # each column is correlated with the one before
    x[:, 1:] += x[:, :-1] / 2
    return (x + np.float32(_MEAN),)


def _small(quick: bool) -> tuple[NDArray[Any], ...]:
    (x,) = _far(quick)
    return ((x - np.float32(_MEAN)) * np.float32(1e-25),)


def _mean(x: NDArray[Any]) -> Any:
    return sum(x[i : i + _ROWS].sum(axis=0, dtype=np.longdouble) for i in range(0, len(x), _ROWS)) / len(x)


def _products(x: NDArray[Any]) -> Any:
    """Return the sums of products of deviations; of what float64 loses here, nothing is seen in float32."""
    mean, total = _mean(x).astype(np.float64), np.zeros((x.shape[1], x.shape[1]))
    for i in range(0, len(x), _ROWS):
        deviations = x[i : i + _ROWS] - mean
        total += deviations.T @ deviations
    return total


def _covariance(x: NDArray[Any]) -> Any:
    return _products(x) / (len(x) - 1)


def _variance(x: NDArray[Any]) -> Any:
    return _products(x).diagonal() / len(x)


def _correlation(x: NDArray[Any]) -> Any:
    products = _products(x)
    spread = np.sqrt(products.diagonal())
    return products / np.outer(spread, spread)


def _standardized(x: NDArray[Any]) -> Any:
    mean, deviation = _mean(x).astype(np.float64), np.sqrt(_variance(x))
    return ((x - mean) / deviation).astype(np.float32)


def _of_each(got: Any, truth: Any, arrays: Any) -> float:
    return float(np.max(np.abs(got - truth) / np.abs(truth)))


def _of_spreads(got: Any, truth: Any, arrays: Any) -> float:
    spread = np.sqrt(truth.diagonal())
    return float(np.max(np.abs(got - truth) / np.outer(spread, spread)))


def _largest(got: Any, truth: Any, arrays: Any) -> float:
    return float(np.max(np.abs(got - truth)))


def _shifted(x: NDArray[Any]) -> float:
    """Return 8 s (1 + (s mean / sigma)^2): squares, their sum, the correction, and the delta of merges (Chan 1983)."""
    return 8 * _S * (1 + (_S * _MEAN) ** 2)


def _slabs(x: NDArray[Any]) -> float:
    return 4 * (_SLAB + 40) * U32


def _moved(x: NDArray[Any]) -> float:
    """Return what the promised errors of mean and standard deviation move a result of up to 6 sigma by."""
    return 32 * U32 * _MEAN + 6 * (_shifted(x) / 2 + U32) + 2 * len(x) * U64


def _variances(x: NDArray[Any]) -> Any:
    return np.linalg.eigvalsh(_covariance(x))[::-1]


def _of_total(got: Any, truth: Any, arrays: Any) -> float:
    return float(np.max(np.abs(got - truth)) / truth.sum())


def _pca_numpy(x: NDArray[Any]) -> Any:
    return np.linalg.svd(x - x.mean(axis=0), compute_uv=False) ** 2 / (len(x) - 1)


def _pca_dask(x: NDArray[Any]) -> Any:
    y = chunked(x)
    return (da.linalg.svd(y - y.mean(axis=0))[1] ** 2 / (len(x) - 1)).compute()


def _standardize_numpy(x: NDArray[Any]) -> Any:
    return (x - x.mean(axis=0)) / x.std(axis=0)


def _standardize_dask(x: NDArray[Any]) -> Any:
    y = chunked(x)
    return ((y - y.mean(axis=0)) / y.std(axis=0)).compute()


def _case(name: str, measured: str, promise: str, truth: Answer, error: Any, bound: Any, answers: Any) -> HardCase:
    return HardCase(f"{name}, mean 1e4, sigma 1, float32", measured, promise, _far, truth, error, bound, answers)


_SPREAD_PROMISE = "8 s (1 + (s mean / std)^2), s = 36 * 2^-24"
_MOVED_PROMISE = "32 * 2^-24 * mean / std, and 6 times that of std"
MOMENTS = (
    _case(
        "var over axis 0",
        "the variance",
        _SPREAD_PROMISE,
        _variance,
        _of_each,
        _shifted,
        {
            "arraymill": lambda x: run("var", x, axis=0),
            "NumPy": lambda x: np.var(x, axis=0),
            "dask.array": lambda x: chunked(x).var(axis=0).compute(),
        },
    ),
    _case(
        "std over axis 0",
        "the deviation",
        _SPREAD_PROMISE,
        lambda x: np.sqrt(_variance(x)),
        _of_each,
        _shifted,
        {
            "arraymill": lambda x: run("std", x, axis=0),
            "NumPy": lambda x: np.std(x, axis=0),
            "dask.array": lambda x: chunked(x).std(axis=0).compute(),
        },
    ),
    _case(
        "cov of columns",
        "std of i times std of j",
        "4 * (2048 + 40) * 2^-24",
        _covariance,
        _of_spreads,
        _slabs,
        {
            "arraymill": lambda x: run("cov", x, rowvar=False),
            "NumPy": lambda x: np.cov(x, rowvar=False),
            "dask.array": lambda x: da.cov(chunked(x), rowvar=0).compute(),
        },
    ),
    _case(
        "cov of columns, --precision strict",
        "std of i times std of j",
        "4 * (2048 + 40) * 2^-53",
        _covariance,
        _of_spreads,
        lambda x: _slabs(x) * U64 / U32,
        {
            "arraymill": lambda x: run("cov", x, rowvar=False, precision="strict"),
            "NumPy": lambda x: np.cov(x, rowvar=False),
            "dask.array": lambda x: da.cov(chunked(x), rowvar=0).compute(),
        },
    ),
    _case(
        "corrcoef of columns",
        "1",
        "4 * 4 * (2048 + 40) * 2^-24",
        _correlation,
        _largest,
        lambda x: 4 * _slabs(x),
        {
            "arraymill": lambda x: run("corrcoef", x, rowvar=False),
            "NumPy": lambda x: np.corrcoef(x, rowvar=False),
            "dask.array": lambda x: da.corrcoef(chunked(x), rowvar=0).compute(),
        },
    ),
    _case(
        "standardize over axis 0",
        "the deviation",
        _MOVED_PROMISE,
        _standardized,
        _largest,
        _moved,
        {
            "arraymill": lambda x: run("standardize", x)[0],
            "NumPy": _standardize_numpy,
            "dask.array": _standardize_dask,
        },
    ),
    _case(
        "pca, variances",
        "their sum",
        "4 * (2048 + 40) * 2^-24",
        _variances,
        _of_total,
        _slabs,
        {
            "arraymill": lambda x: run("pca", x).explained_variance,
            "NumPy": _pca_numpy,
            "dask.array": _pca_dask,
        },
    ),
    HardCase(
        "std over axis 0, mean 0, sigma 1e-25, float32",
        "the deviation",
        "8 s, s = 36 * 2^-24",
        _small,
        lambda x: np.sqrt(_variance(x)),
        _of_each,
        lambda x: 8 * _S,
        {
            "arraymill": lambda x: run("std", x, axis=0),
            "NumPy": lambda x: np.std(x, axis=0),
            "dask.array": lambda x: chunked(x).std(axis=0).compute(),
        },
    ),
    HardCase(
        "corrcoef of columns, mean 0, sigma 1e-25, float32",
        "1",
        "4 * 4 * (2048 + 40) * 2^-24",
        _small,
        _correlation,
        _largest,
        lambda x: 4 * _slabs(x),
        {
            "arraymill": lambda x: run("corrcoef", x, rowvar=False),
            "NumPy": lambda x: np.corrcoef(x, rowvar=False),
            "dask.array": lambda x: da.corrcoef(chunked(x), rowvar=0).compute(),
        },
    ),
)
