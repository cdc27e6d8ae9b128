"""Sums: many elements, and elements that cancel."""

from __future__ import annotations

import math
from typing import Any

import dask.array as da
import numpy as np
from numpy.typing import NDArray

from arraymill.jobs import run

from .case import U32, U64, Answer, HardCase, relative

__all__ = ["SUMS", "chunked"]

_ROWS = 1 << 16
PROMISE = "32 * 2^-24 + 2^-53, and 2^-24 for the result's own rounding"
BOUND = 33 * U32 + U64


def chunked(x: NDArray[Any], n_chunks: int = 32) -> Any:
    """Return an array as dask's, in chunks of rows."""
    return da.from_array(x, chunks=(-(-len(x) // n_chunks), *x.shape[1:]))


def _many(quick: bool) -> tuple[NDArray[Any], ...]:
    return (np.random.default_rng(1).random((15_625 if quick else 1_562_500, 64), np.float32),)


def _cancelling(dtype: str, large: float) -> Any:
    def arrays(quick: bool) -> tuple[NDArray[Any], ...]:
        n = 30_000 if quick else 3_000_000
        x = np.resize(np.array([large, 1, -large], dtype), 3 * n)
        # far from what they cancel with
        np.random.default_rng(2).shuffle(x)
        return (x,)

    return arrays


def _by_axis(x: NDArray[Any]) -> Any:
    starts = range(0, len(x), _ROWS)
    return sum(x[start : start + _ROWS].sum(axis=0, dtype=np.longdouble) for start in starts)


def _of_all(x: NDArray[Any]) -> Any:
    return _by_axis(x).sum()


def _exactly(x: NDArray[Any]) -> Any:
    return np.longdouble(math.fsum(x))


def _case(name: str, op: str, axis: int | None, numpy: Answer) -> HardCase:
    truth, lost = (_of_all, None) if axis is None else (_by_axis, axis)
    n = {"sum": lambda x: 1, "mean": lambda x: x.size if axis is None else len(x)}[op]
    return HardCase(
        name=f"{op} {name}",
        measured="sum of abs(x)" if op == "sum" else "mean of abs(x)",
        promise=PROMISE,
        arrays=_many,
        truth=lambda x: truth(x) / n(x),
        # the elements are not negative
        error=relative(lambda x: x.sum(axis=lost, dtype=np.float64) / n(x)),
        bound=lambda x: BOUND,
        answers={
            "arraymill": lambda x: run(op, x, axis=axis),
            "NumPy": numpy,
            "dask.array": lambda x: getattr(chunked(x), op)(axis=axis).compute(),
        },
    )


def _cancellation(dtype: str, large: float, promise: str, bound: float) -> HardCase:
    return HardCase(
        name=f"sum of ones among +-{large:.0e}, shuffled, {dtype}",
        measured="sum of abs(x)",
        promise=promise,
        arrays=_cancelling(dtype, large),
        truth=_exactly,
        error=relative(lambda x: math.fsum(np.abs(x))),
        bound=lambda x: bound,
        answers={
            "arraymill": lambda x: run("sum", x),
            "NumPy": np.sum,
            "dask.array": lambda x: chunked(x).sum().compute(),
        },
    )


def _running(quick: bool) -> tuple[NDArray[Any], ...]:
    return (np.random.default_rng(3).random(100_000 if quick else 10_000_000, np.float32),)


SUMS = (
    _case("over axis 0 of 1e8 elements, float32", "sum", 0, lambda x: x.sum(axis=0)),
    _case("of 1e8 elements, float32", "sum", None, np.sum),
    _case("over axis 0 of 1e8 elements, float32", "mean", 0, lambda x: x.mean(axis=0)),
    _case("of 1e8 elements, float32", "mean", None, np.mean),
    _cancellation("float32", 1e8, PROMISE, BOUND),
    # a block of 2^13 is added pairwise: at most 25 roundings; blocks are added exactly
    _cancellation("float64", 1e16, "26 * 2^-53: blocks pairwise, and exactly together", 26 * U64),
    HardCase(
        name="cumsum of 1e7 elements, float32",
        measured="running sum of abs(x)",
        promise=PROMISE,
        arrays=_running,
        truth=lambda x: np.cumsum(x, dtype=np.longdouble),
        error=relative(lambda x: np.cumsum(x, dtype=np.float64)),
        bound=lambda x: BOUND,
        answers={
            "arraymill": lambda x: run("cumsum", x),
            "NumPy": np.cumsum,
            "dask.array": lambda x: chunked(x).cumsum(axis=0).compute(),
        },
    ),
)
"""The elements of large sums are uniform in [0, 1), so that what is lost is lost in one direction."""
