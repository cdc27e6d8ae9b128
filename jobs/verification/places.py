"""Operations of which every element is made of few: parts of the output are computed from the parts that they need."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..blocks import Region, broadcast_region, region_shape, whole_region
from ..operations.distances.cdist import distances_from
from .expressions import evaluate
from .findings import Finding, compare, merged, offset_by
from .problem import RUN, Problem, choose_regions, read_region, widen

__all__ = ["PLACES", "check_places", "distance_bound"]

U = 2.0**-53


@dataclass(frozen=True, slots=True)
class _Expected:
    """What a part of an output is; every bit of it where `bound` is None."""

    values: NDArray[Any]
    bound: NDArray[Any] | None = None


def check_places(problem: Problem) -> list[Finding]:
    """Return what samples of an output are, beside NumPy's."""
    (name,) = problem.outputs
    expect = PLACES[problem.operation.name]
    shape, is_turned = problem.headers[name].shape, getattr(problem.params, "order", "C") == "F"
    run = _run(problem)
    regions = choose_regions(shape[::-1] if is_turned else shape, problem.n_samples, problem.rng(), run=run)
    regions = [region[::-1] for region in regions] if is_turned else regions
    method = "places, from what they are made of"
    if not math.prod(shape):
        return [Finding(problem.labels(name)["output"], method, 0, 0)]
    found = []
    for region in regions:
        expected = expect(problem, region)
        parts = problem.read_output(name, region), expected.values, expected.bound
        found.append(compare(*parts, method=method, index_of=offset_by(region), **problem.labels(name)))
    return [merged(found)]


def _run(problem: Problem) -> int:
    """Return how long a sample may be."""
    if problem.operation.name != "cdist":
        return RUN
    return max(min(RUN, problem.memory_bytes // 64 // max(problem.sources[0].header.shape[1], 1)), 1)


def _map(problem: Problem, region: Region) -> _Expected:
    arrays = [read_region(source, broadcast_region(region, source.header.shape)) for source in problem.sources]
    values, bound = evaluate(problem.params.expr, arrays, problem.params.names, problem.params.dtype)
    shape = region_shape(region)
    return _Expected(np.broadcast_to(values, shape), np.broadcast_to(bound, shape))


def _same_place(problem: Problem, region: Region) -> _Expected:
    return _Expected(np.asarray(problem.operation.oracle([read_region(problem.sources[0], region)], problem.params)))


def _transpose(problem: Problem, region: Region) -> _Expected:
    source = problem.sources[0]
    axes = range(source.header.ndim)[::-1] if problem.params.axes is None else problem.params.axes
    read: list[tuple[int, int]] = [(0, 0)] * source.header.ndim
    for axis, bounds in zip(axes, region, strict=True):
        read[axis] = bounds
    return _Expected(np.transpose(read_region(source, tuple(read)), problem.params.axes))


def _reshape(problem: Problem, region: Region) -> _Expected:
    source, shape = problem.sources[0], problem.headers[""].shape
    is_turned = problem.params.order == "F"
    if is_turned:
        source, shape, region = source.T, shape[::-1], region[::-1]
    # the region is one run in the order in which elements are taken
    first = [start for start, _ in region]
    start = int(np.ravel_multi_index(first, shape)) if shape else 0
    flat = _flat_run(source, start, start + math.prod(region_shape(region)))
    values = flat.reshape(region_shape(region))
    return _Expected(values.T if is_turned else values)


def _flat_run(source: Any, start: int, stop: int) -> NDArray[Any]:
    """Return the elements of an array from one to another, counted in C order."""
    shape = source.header.shape
    if len(shape) < 2:
        return read_region(source, ((start, stop),) if shape else ()).reshape(-1)
    row = math.prod(shape[1:])
    parts = []
    while start < stop:
        number, within = divmod(start, row)
        if within == 0 and stop - start >= row:
            n_rows = (stop - start) // row
            region: Region = ((number, number + n_rows), *whole_region(shape[1:]))
            parts.append(read_region(source, region).ravel())
            start += n_rows * row
            continue
        end = min(row, within + stop - start)
        parts.append(_flat_within(source, (number,), within, end))
        start += end - within
    return np.concatenate(parts)


def _flat_within(source: Any, place: tuple[int, ...], start: int, stop: int) -> NDArray[Any]:
    """Return elements of one row, or of one row of it, and so on: the parts of a run that are no whole rows."""
    shape = source.header.shape[len(place) :]
    fixed = tuple((i, i + 1) for i in place)
    if len(shape) == 1:
        return read_region(source, (*fixed, (start, stop))).ravel()
    row = math.prod(shape[1:])
    parts = []
    while start < stop:
        number, within = divmod(start, row)
        end = min(row, within + stop - start)
        parts.append(_flat_within(source, (*place, number), within, end))
        start += end - within
    return np.concatenate(parts)


def _concatenate(problem: Problem, region: Region) -> _Expected:
    axis = problem.params.axis % problem.sources[0].header.ndim
    start, stop = region[axis]
    parts, offset = [], 0
    for source in problem.sources:
        low, high = max(start - offset, 0), min(stop - offset, source.header.shape[axis])
        if low < high:
            parts.append(read_region(source, (*region[:axis], (low, high), *region[axis + 1 :])))
        offset += source.header.shape[axis]
    return _Expected(np.concatenate(parts, axis).astype(problem.headers[""].dtype))


def _stack(problem: Problem, region: Region) -> _Expected:
    axis = problem.params.axis % len(region)
    inner = (*region[:axis], *region[axis + 1 :])
    chosen = problem.sources[slice(*region[axis])]
    parts = np.stack([read_region(source, inner) for source in chosen], axis)
    return _Expected(parts.astype(problem.headers[""].dtype))


def _diff(problem: Problem, region: Region) -> _Expected:
    # subtraction is rounded in one way only: the same bits everywhere
    axis, n = problem.params.axis % len(region), problem.params.n
    start, stop = region[axis]
    x = read_region(problem.sources[0], (*region[:axis], (start, stop + n), *region[axis + 1 :]))
    return _Expected(np.diff(x, n, axis))


def _cdist(problem: Problem, region: Region) -> _Expected:
    metric = problem.params.metric
    a, b = (
        widen(read_region(source, (rows, (0, source.header.shape[1]))))
        for source, rows in zip(problem.sources, region, strict=True)
    )
    with np.errstate(all="ignore"):
        values = np.array([distances_from(row, b, metric) for row in a]).reshape(region_shape(region))
        bound = distance_bound(a, b, metric, values, problem.headers[""].dtype)
    return _Expected(values, bound)


def distance_bound(
    a: NDArray[Any], b: NDArray[Any], metric: str, values: NDArray[Any], dtype: np.dtype[Any]
) -> NDArray[Any]:
    """Return how far distances of all rows of a to all of b may be off: ``distances`` has where that comes from."""
    d = a.shape[1]
    # 4 u over the share of a and b from which on squares are expanded: 2^-24 for float32, 2^-16 for float64
    near = 2.0**-27 if dtype.itemsize <= 4 else 2.0**-35
    if metric in ("sqeuclidean", "euclidean", "cityblock"):
        return np.asarray(values * max(near, (2 * d + 8) * U))
    norms = np.linalg.norm(a, axis=1)[:, None] * np.linalg.norm(b, axis=1)
    scale = np.ones(values.shape) if metric == "cosine" else norms
    return np.asarray(2 * (d + 8) * U * scale + (np.abs(values) * near if metric == "cosine" else 0))


def _constant(problem: Problem, region: Region) -> _Expected:
    shaped = problem.params.model_copy(update={"shape": region_shape(region)})
    return _Expected(np.asarray(problem.operation.oracle([], shaped)))


PLACES: Mapping[str, Callable[[Problem, Region], _Expected]] = {
    "map": _map,
    **dict.fromkeys(("convert", "rechunk"), _same_place),
    "transpose": _transpose,
    "reshape": _reshape,
    "concatenate": _concatenate,
    "stack": _stack,
    "diff": _diff,
    "cdist": _cdist,
    **dict.fromkeys(("zeros", "ones", "full"), _constant),
}
"""What the elements of a region of the output of each operation are."""
