"""Reductions: sampled kept elements, each from all elements of its line, whatever the length of that is."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..blocks import Region, region_shape
from ..errors import SpecError
from .findings import Finding, compare, merged, offset_by
from .lanes import Lines, lines_of
from .problem import Problem
from .sums import ROUNDED, Answer, answer_of, chunks_of

__all__ = ["REDUCTIONS", "check_reduction"]

EXACT = frozenset(
    {
        *("min", "max", "ptp", "argmin", "argmax", "any", "all", "count_nonzero"),
        *("nanmin", "nanmax", "nanargmin", "nanargmax"),
    }
)
REDUCTIONS = ROUNDED | EXACT
"""The operations that are checked here."""
_MOST = 16


def check_reduction(problem: Problem) -> list[Finding]:
    """Return what sampled elements of a reduction are, beside what their lines come to."""
    lines = lines_of(problem)
    header, (name,) = problem.headers[""], problem.outputs
    method = f"lines of {lines.length}, streamed in float64"
    if not header.size or not lines.length:
        return [_of_nothing(problem, lines, name)]
    found = []
    for region in lines.choose(problem, _MOST):
        values, bound = _answer(problem, lines, region)
        at = lines.reduced(region, header.shape, keepdims=problem.params.keepdims)
        shape = region_shape(at)
        limit = None if bound is None else np.broadcast_to(bound, values.shape).reshape(shape)
        parts = problem.read_output(name, at), values.reshape(shape), limit
        found.append(compare(*parts, method=method, index_of=offset_by(at), **problem.labels(name)))
    return [merged(found)]


def _of_nothing(problem: Problem, lines: Lines, name: str) -> Finding:
    """Return what is made of lines without elements: NumPy is asked."""
    header = problem.headers[""]
    source = problem.sources[0].header
    if header.size * header.dtype.itemsize > problem.memory_bytes // 4:
        raise problem.too_large("what is made of no elements", 4 * header.nbytes)
    with np.errstate(all="ignore"), warnings.catch_warnings(action="ignore"):
        empty = np.empty(source.shape, source.dtype.newbyteorder("="))
        values = np.asarray(problem.operation.oracle([empty], problem.params))
    whole = tuple((0, n) for n in header.shape)
    return compare(
        problem.read_output(name, whole), values.reshape(header.shape), None, method="NumPy", **problem.labels(name)
    )


def _answer(problem: Problem, lines: Lines, region: Region) -> Answer:
    name = problem.operation.name
    if name in ROUNDED:
        return answer_of(problem, lines, region)
    dtype = problem.sources[0].header.dtype
    if dtype.kind == "c" and name not in ("any", "all", "count_nonzero") and _bytes(lines, region) > _room(problem):
        raise problem.too_large("an order of complex numbers", _bytes(lines, region))
    return _exact(problem, lines, region), None


def _room(problem: Problem) -> int:
    return problem.memory_bytes // 12


def _bytes(lines: Lines, region: Region) -> int:
    return int(np.prod(region_shape(region), dtype=object)) * 8


def _exact(problem: Problem, lines: Lines, region: Region) -> NDArray[Any]:
    """Return extrema, their places and truths of lines, merged chunk by chunk."""
    name, shape = problem.operation.name, _kept(lines, region)
    state: dict[str, Any] = {}
    # of each line: chunks come in C order of the region, and may be of other lines in between
    seen = np.zeros(shape, np.int64)
    with np.errstate(all="ignore"):
        for at, x in chunks_of(problem, lines, region):
            _merge(name, state, shape, at, x, seen[at])
            seen[at] += x.shape[-1]
    result: NDArray[Any] = state["result"]
    if name == "ptp":
        return np.asarray(np.subtract(result, state["least"]))
    if name.startswith("nanarg") and (state["places"] < 0).any():
        raise SpecError("a line holds NaN alone: NumPy refuses it", next="leave it out")
    return state["places"] if "arg" in name else result


def _kept(lines: Lines, region: Region) -> tuple[int, ...]:
    return tuple(region[axis][1] - region[axis][0] for axis in lines.kept)


def _merge(
    name: str, state: dict[str, Any], shape: tuple[int, ...], at: tuple[slice, ...], x: NDArray[Any], seen: Any
) -> None:
    plain = name.removeprefix("nan")
    if plain in ("any", "all", "count_nonzero"):
        _merge_truths(plain, state, shape, at, x, seen)
        return
    skip_nan = name.startswith("nan")
    if plain == "ptp":
        _merge_extrema(state, "result", np.maximum, shape, at, x.max(axis=-1), seen)
        _merge_extrema(state, "least", np.minimum, shape, at, x.min(axis=-1), seen)
        return
    is_max = plain.endswith("max")
    if not plain.startswith("arg"):
        ufunc = (np.fmax if is_max else np.fmin) if skip_nan else (np.maximum if is_max else np.minimum)
        _merge_extrema(state, "result", ufunc, shape, at, ufunc.reduce(x, axis=-1), seen)
        return
    _merge_places(state, shape, at, x, seen, is_max=is_max, skip_nan=skip_nan)


def _merge_extrema(
    state: dict[str, Any], key: str, ufunc: Any, shape: tuple[int, ...], at: tuple[slice, ...], values: Any, seen: Any
) -> None:
    result = state.setdefault(key, np.zeros(shape, values.dtype))
    result[at] = np.where(seen == 0, values, ufunc(result[at], values))


def _merge_truths(
    name: str, state: dict[str, Any], shape: tuple[int, ...], at: tuple[slice, ...], x: NDArray[Any], seen: Any
) -> None:
    counts = np.count_nonzero(x, axis=-1)
    values = counts if name == "count_nonzero" else counts > 0 if name == "any" else counts == x.shape[-1]
    ufunc = {"count_nonzero": np.add, "any": np.logical_or, "all": np.logical_and}[name]
    _merge_extrema(state, "result", ufunc, shape, at, np.asarray(values), seen)


def _merge_places(
    state: dict[str, Any],
    shape: tuple[int, ...],
    at: tuple[slice, ...],
    x: NDArray[Any],
    seen: Any,
    *,
    is_max: bool,
    skip_nan: bool,
) -> None:
    """Merge the first place of an extremum; the first NaN wins over all, unless NaN are left out."""
    floats = x.dtype.kind == "f"
    worst = -np.inf if is_max else np.inf
    shown = np.where(np.isnan(x), worst, x) if skip_nan and floats else x
    place = (np.argmax if is_max else np.argmin)(shown, axis=-1)
    if skip_nan and floats:
        # an infinity that stands for a NaN must not be taken for the extremum
        is_nan = np.isnan(x)
        first = np.argmax(~is_nan, axis=-1)
        taken = np.take_along_axis(is_nan, place[..., None], -1)[..., 0]
        place = np.where(taken, first, place)
    value = np.take_along_axis(x, place[..., None], -1)[..., 0]
    best = state.setdefault("result", np.zeros(shape, x.dtype))
    places = state.setdefault("places", np.full(shape, -1, np.int64))
    before = best[at]
    better = value > before if is_max else value < before
    if floats:
        new, old = np.isnan(value), np.isnan(before)
        better = (old & ~new) | (better & ~new) if skip_nan else ~old & (new | better)
    better = better | (seen == 0)
    best[at] = np.where(better, value, best[at])
    places[at] = np.where(better, place + seen, places[at])
