"""Operations that are asked of NumPy as a whole: inputs and outputs have to fit in memory together."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..blocks import whole_region
from ..errors import SpecError
from .findings import Finding, compare
from .problem import Problem, read_region, widen

__all__ = ["check_whole"]

U = 2.0**-53
_COPIES = 6


def check_whole(problem: Problem) -> list[Finding]:
    """Return what all of the outputs are, beside NumPy's.

    Raises
    ------
    SpecError
        If they do not fit, or the operation is a function of the user's own.
    """
    if problem.operation.name == "apply":
        raise SpecError(
            "apply: there is nothing to check a function of your own against",
            cause="it would be called again, and is what it says",
            safe="nothing was changed",
            next="compare it with what you know of it",
        )
    headers = [*(source.header for source in problem.sources), *(problem.headers[name] for name in problem.outputs)]
    need = _COPIES * sum(header.size * 16 for header in headers)
    if need > problem.memory_bytes:
        raise problem.too_large("all of it", need)
    arrays = [read_region(source, whole_region(source.header.shape)) for source in problem.sources]
    with np.errstate(all="ignore"), warnings.catch_warnings(action="ignore"):
        answers = _asked(problem, arrays)
    found = []
    for name, (values, bound) in zip(problem.headers, answers, strict=False):
        if name in problem.outputs:
            shape = problem.headers[name].shape
            whole = problem.read_output(name, whole_region(shape))
            labels = problem.labels(name)
            limit = None if bound is None else np.broadcast_to(bound, shape)
            found.append(compare(whole, values.reshape(shape), limit, method="all of it, by NumPy", **labels))
    return found


def _asked(problem: Problem, arrays: list[NDArray[Any]]) -> list[tuple[NDArray[Any], NDArray[Any] | None]]:
    name, oracle, params = problem.operation.name, problem.operation.oracle, problem.params
    if name == "standardize":
        return _standardized(problem, arrays[0])
    if name == "einsum":
        return [_summed(problem, arrays[0])]
    answer = oracle(arrays, params)
    values = [np.asarray(each) for each in (answer if isinstance(answer, tuple) else (answer,))]
    if name == "randn":
        # its logarithm may differ in the last bits between processors
        return [(widen(values[0]), 8 * 2.0**-52 * np.abs(widen(values[0])))]
    return [(each if bound is None else widen(each), bound) for each, bound in _of_counts(problem, arrays, values)]


def _of_counts(
    problem: Problem, arrays: list[NDArray[Any]], values: list[NDArray[Any]]
) -> list[tuple[NDArray[Any], NDArray[Any] | None]]:
    """Return counts, which are exact; sums of weights, and edges, which are rounded in float64."""
    if problem.operation.name not in ("histogram", "bincount"):
        return [(each, None) for each in values]
    total = float(np.abs(widen(arrays[1])).sum()) if len(arrays) > 1 else 0.0
    found: list[tuple[NDArray[Any], NDArray[Any] | None]] = []
    for number, each in enumerate(values):
        if each.dtype.kind in "biu":
            found.append((each, None))
            continue
        of_sum = 2 * (arrays[0].size + 1) * U * total if number == 0 else 0.0
        largest = float(np.max(np.abs(each), initial=0.0))
        found.append((each, np.full(each.shape, of_sum + 8 * U * largest)))
    return found


def _summed(problem: Problem, x: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Return einsum of one operand: a sum, or elements in another order."""
    dtype = next(iter(problem.headers.values())).dtype
    subscripts = problem.params.subscripts
    if dtype.kind in "biu":
        return np.asarray(np.einsum(subscripts, x)), None
    values, sizes = (np.asarray(np.einsum(subscripts, each)) for each in (widen(x), np.abs(widen(x))))
    real = dtype.itemsize // (2 if dtype.kind == "c" else 1)
    u = 2.0**-11 if real == 2 else 2.0**-24 if real == 4 and problem.precision != "strict" else U
    n = max(x.size // max(values.size, 1), 1)
    factor = 0.0 if n == 1 else (min(n, 32) + 1) * u + 2 * (n + 64) * U
    return values, np.where(np.isfinite(sizes), factor * sizes, 0.0)


def _standardized(problem: Problem, x: NDArray[Any]) -> list[tuple[NDArray[Any], NDArray[Any] | None]]:
    """Return scores, means and deviations; what those of a column are off by moves its scores."""
    axis, ddof = problem.params.axis, problem.params.ddof
    wide = widen(x)
    values, means, stds = (widen(np.asarray(each)) for each in problem.operation.oracle([wide], problem.params))
    n = x.size // max(means.size, 1)
    u = 2.0**-24 if x.dtype.kind in "fc" and x.dtype.itemsize <= 4 * (1 + (x.dtype.kind == "c")) else U
    size = np.mean(np.abs(wide), axis=axis, keepdims=True).reshape(means.shape)
    s = (min(n, 32) + 4) * u + n * U
    variance, divisor = stds**2, max(n - ddof, 0)
    m2 = variance * divisor
    d = m2 + n * (s * size) ** 2
    loss = 2 * (8 * s * d + 2 * n * U * size * np.sqrt(n * d) + n * (n * U * size) ** 2) / divisor
    of_std = np.minimum(np.sqrt(loss), np.where(stds > 0, loss / np.where(stds > 0, stds, 1), np.inf))
    of_mean = s * size + 2 * U * np.abs(means)
    scale = np.where(stds == 0, 1, stds)
    lost = 2 * (of_mean / scale + np.abs(values) * of_std / scale) + np.abs(values) * 2 * u
    ulps = 2.0**-51
    return [
        # of what is not finite, infinities and NaN depend on the order of the work
        (values, np.where(np.isfinite(values), lost, np.inf)),
        (means, np.where(np.isfinite(means), of_mean + ulps * np.abs(means), np.inf)),
        (stds, np.where(np.isfinite(stds), of_std + ulps * stds, np.inf)),
    ]
