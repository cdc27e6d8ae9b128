"""Distances of points that are far from the origin and near each other; percentiles."""

from __future__ import annotations

from typing import Any

import dask.array as da
import numpy as np
from numpy.typing import NDArray

from arraymill.jobs import run

from .case import U64, HardCase

__all__ = ["ORDER"]

_Q = (0.1, 1, 25, 50, 75, 99, 99.9)


def _far_points(quick: bool) -> tuple[NDArray[Any], ...]:
    rng = np.random.default_rng(8)
    return (rng.standard_normal((200 if quick else 2_000, 64)) + 1e6,)


def _differences(x: NDArray[Any]) -> Any:
    """Return all distances from differences, in longdouble."""
    found = np.empty((len(x), len(x)))
    for i, row in enumerate(x.astype(np.longdouble)):
        found[i] = np.sqrt(((x - row) ** 2).sum(axis=1))
    return found


def _expanded(x: NDArray[Any]) -> Any:
    """Return distances by |a|^2 + |b|^2 - 2 a.b, as they are computed by hand where differences would not fit."""
    squares = (x * x).sum(axis=1)
    return np.sqrt(np.maximum(squares[:, None] + squares - 2 * x @ x.T, 0))


def _expanded_dask(x: NDArray[Any]) -> Any:
    y = da.from_array(x, chunks=(500, -1))
    squares = (y * y).sum(axis=1)
    return da.sqrt(da.maximum(squares[:, None] + squares - 2 * y @ y.T, 0)).compute()


def _on_diagonal(got: Any, truth: Any, arrays: Any) -> float:
    return float(np.max(np.diagonal(got)))


def _off_diagonal(got: Any, truth: Any, arrays: Any) -> float:
    apart = truth > 0
    return float(np.max(np.abs(got - truth)[apart] / truth[apart]))


def _near_points(quick: bool) -> tuple[NDArray[Any], ...]:
    rng = np.random.default_rng(10)
    points = rng.standard_normal((200 if quick else 2_000, 64)) / 100 + 1e6
    # each is asked for by a point a thousandth as far from it as others are
    return points, points + rng.standard_normal(points.shape) / 100_000


def _share_wrong(got: Any, truth: Any, arrays: Any) -> float:
    return float(np.mean(np.asarray(got).ravel() != truth))


def _nearest_numpy(points: NDArray[Any], queries: NDArray[Any]) -> Any:
    squares = (points * points).sum(axis=1)
    return np.argmin(squares - 2 * queries @ points.T, axis=1)


_DISTANCES = {"arraymill": lambda x: run("cdist", x, x), "NumPy": _expanded, "dask.array": _expanded_dask}


def _numbers(quick: bool) -> tuple[NDArray[Any], ...]:
    return (np.random.default_rng(9).standard_normal(100_001 if quick else 10_000_001, np.float32),)


ORDER = (
    HardCase(
        name="cdist, points 1e6 from the origin: distance of each to itself",
        measured="1",
        promise="0, exactly",
        arrays=_far_points,
        truth=_differences,
        error=_on_diagonal,
        bound=lambda x: 0.0,
        answers=_DISTANCES,
    ),
    HardCase(
        name="cdist, points 1e6 from the origin: distances to others",
        measured="the distance",
        promise="2^-36",
        arrays=_far_points,
        truth=_differences,
        error=_off_diagonal,
        bound=lambda x: 2.0**-36 + U64,
        answers=_DISTANCES,
    ),
    HardCase(
        name="knn, points 1e6 from the origin and 0.01 from each other: share of wrong neighbours",
        measured="1",
        promise="0",
        arrays=_near_points,
        truth=lambda points, queries: np.arange(len(points)),
        error=_share_wrong,
        bound=lambda points, queries: 0.0,
        answers={
            "arraymill": lambda points, queries: run("knn", points, queries, k=1)[0],
            "NumPy": _nearest_numpy,
        },
    ),
    HardCase(
        name="percentile, 7 of 1e7 elements, float32: distance from NumPy's",
        measured="1",
        promise="0, every bit",
        arrays=_numbers,
        truth=lambda x: np.percentile(x, _Q),
        error=lambda got, truth, arrays: float(np.max(np.abs(got - truth))),
        bound=lambda x: 0.0,
        answers={
            "arraymill": lambda x: run("percentile", x, q=list(_Q)),
            "NumPy": lambda x: np.percentile(x, _Q),
            "dask.array": lambda x: da.percentile(da.from_array(x, chunks=-(-len(x) // 32)), _Q).compute(),
        },
    ),
)
