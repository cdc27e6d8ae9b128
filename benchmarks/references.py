"""Right answers in float64, and how far a result is from them.

Reductions are computed again in float64, in one pass shifted by the mean 1 that the inputs were drawn with. Of a
product 64 rows are computed, and the others are checked against a random vector: C v = A (B v) (Freivalds, 1977).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .cases import Case
from .moments import moment_error

__all__ = ["Check", "Compare", "WrongResultError", "check_of", "relative_error"]

Compare: TypeAlias = Callable[[NDArray[Any]], float]
"""Takes a result and returns its largest relative error."""
Check: TypeAlias = Callable[[Path], float]
"""Takes the file of a result and returns its largest relative error, or raises WrongResultError."""

_ROWS = 1024
_SAMPLED_ROWS = 64
_SHIFT = 1.0


class WrongResultError(ValueError):
    """An output that is not the answer: its time does not count."""


def check_of(case: Case, inputs: list[Path], known: dict[str, Compare] | None = None) -> Check:
    """Return the check of a case; its reference is computed here, unless it is among those that are known."""
    known = {} if known is None else known
    key = f"{case.operation} {case.params} {[path.name for path in inputs]}"
    if key not in known:
        known[key] = _comparison(case, [np.load(path, mmap_mode="r") for path in inputs])
    compare = known[key]

    def check(output: Path) -> float:
        try:
            result = np.load(output, mmap_mode="r")
        except (OSError, ValueError) as cause:
            raise WrongResultError(f"no output that can be read: {cause}") from cause
        if result.shape != case.output_shape:
            raise WrongResultError(f"shape {result.shape} instead of {case.output_shape}")
        error = compare(result)
        # a NaN, left of the poison, fails this too
        if not error <= case.tolerance:
            raise WrongResultError(f"relative error {error:.2g}, and {case.tolerance:g} is the most that counts")
        return error

    return check


def _comparison(case: Case, arrays: list[NDArray[Any]]) -> Compare:
    if case.operation == "matmul":
        return _product_error(*arrays)
    if case.operation in ("gram", "cov"):
        return moment_error(case.operation, arrays[0])
    return _reduction_error(case, arrays[0])


def relative_error(result: NDArray[Any], expected: NDArray[np.float64]) -> float:
    """Return the largest relative error of a result.

    >>> relative_error(np.array([1.0, 2.5]), np.array([1.0, 2.0]))
    0.25
    """
    return float(np.max(np.abs(result.astype(np.float64) - expected) / np.abs(expected)))


def _reduction_error(case: Case, x: NDArray[Any]) -> Callable[[NDArray[Any]], float]:
    expected = _REFERENCES[case.operation](x, case.axis)
    return lambda result: relative_error(result, expected)


def _blocks(x: NDArray[Any]) -> Iterator[NDArray[np.float64]]:
    """Yield groups of rows in float64, shifted, in one buffer."""
    buffer = np.empty((_ROWS, x.shape[1]))
    for start in range(0, len(x), _ROWS):
        rows = x[start : start + _ROWS]
        yield np.subtract(rows, _SHIFT, out=buffer[: len(rows)], dtype=np.float64)


def _total(x: NDArray[Any], axis: int | None) -> NDArray[np.float64]:
    if axis == 1:
        return np.array(np.concatenate([block.sum(axis=1) for block in _blocks(x)]) + _SHIFT * x.shape[1])
    by_column = np.array([block.sum(axis=0) for block in _blocks(x)])
    if axis is None:
        return np.array(math.fsum(by_column.ravel()) + _SHIFT * x.size)
    return np.array(by_column.sum(axis=0) + _SHIFT * len(x))


def _mean(x: NDArray[Any], axis: int | None) -> NDArray[np.float64]:
    return np.array(_total(x, axis) / (x.size if axis is None else x.shape[axis]))


def _variance(x: NDArray[Any], axis: int | None) -> NDArray[np.float64]:
    if axis == 1:
        return np.concatenate([block.var(axis=1) for block in _blocks(x)])
    sums, squares = np.zeros(x.shape[1]), np.zeros(x.shape[1])
    for block in _blocks(x):
        sums += block.sum(axis=0)
        squares += np.square(block, out=block).sum(axis=0)
    # what is left of the mean after the shift is small: nothing cancels
    return np.array((squares - sums * sums / len(x)) / len(x))


def _maximum(x: NDArray[Any], axis: int | None) -> NDArray[np.float64]:
    return np.array(np.max(x, axis=axis), np.float64)


def _deviation(x: NDArray[Any], axis: int | None) -> NDArray[np.float64]:
    return np.sqrt(_variance(x, axis))


_REFERENCES = {"sum": _total, "mean": _mean, "var": _variance, "std": _deviation, "max": _maximum}


def _product_error(a: NDArray[Any], b: NDArray[Any]) -> Callable[[NDArray[Any]], float]:
    generator = np.random.default_rng(0)
    # one row of each of 64 bands, so that no row of tiles is left out
    starts = np.linspace(0, len(a), _SAMPLED_ROWS, endpoint=False).astype(int)
    picked = starts + generator.integers(max(len(a) // _SAMPLED_ROWS, 1), size=_SAMPLED_ROWS)
    few: NDArray[np.float64] = a[picked].astype(np.float64)
    expected = np.zeros((len(picked), b.shape[1]))
    # a band of b at a time: in float64 the whole of it may not fit in memory
    for start in range(0, len(b), _ROWS):
        expected += few[:, start : start + _ROWS] @ b[start : start + _ROWS].astype(np.float64)
    vector: NDArray[np.float64] = generator.random((b.shape[1],))
    projected = _times(a, _times(b, vector))

    def error(c: NDArray[Any]) -> float:
        whole = relative_error(_times(c, vector), projected)
        return max(relative_error(c[picked], expected), whole)

    return error


def _times(matrix: NDArray[Any], vector: NDArray[np.float64]) -> NDArray[np.float64]:
    groups = (matrix[start : start + _ROWS] for start in range(0, len(matrix), _ROWS))
    return np.concatenate([rows.astype(np.float64, copy=False) @ vector for rows in groups])
