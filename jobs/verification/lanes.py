"""Operations along axes of which a sample is whole lines of the input: NumPy is asked for the answers of those lines.

::

    x (m, n), axis 0          | . | . |          two lines of m elements: regions ((0, m), (1, 2)), ((0, m), (3, 4))
                              | . | . |          and what is made of them, at the same places of the kept axes
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..blocks import Region, Shape, region_shape
from ..operations.reductions.axes import normalize_axes
from .findings import Finding, compare, merged, offset_by
from .problem import Problem, choose_regions, read_region

__all__ = ["LINES", "Lines", "check_lines", "lines_of"]

U = 2.0**-53
_MOST = 16
"""Lines that are taken side by side, of which runs of a file are longer."""
_COPIES = 24
"""So many times its own bytes in 8-byte numbers a line may take on the way to its answer."""
LINES = frozenset(
    {
        *("fft", "ifft", "rfft", "irfft", "cumsum", "cumprod", "topk"),
        *("percentile", "quantile", "median", "nanpercentile", "nanquantile", "nanmedian"),
    }
)
"""The operations that are checked here."""


@dataclass(frozen=True, slots=True)
class Lines:
    """The lines of an array along axes.

    Parameters
    ----------
    shape : tuple of int
    axes : tuple of int
        Those that a line runs along.
    """

    shape: Shape
    axes: tuple[int, ...]

    @property
    def length(self) -> int:
        """Elements of one line."""
        return math.prod(self.shape[axis] for axis in self.axes)

    @property
    def kept(self) -> tuple[int, ...]:
        """The axes across."""
        return tuple(axis for axis in range(len(self.shape)) if axis not in self.axes)

    def choose(self, problem: Problem, most: int) -> list[Region]:
        """Return regions of whole lines, at most so many in each."""
        kept_shape = tuple(self.shape[axis] for axis in self.kept)
        across = choose_regions(kept_shape, problem.n_samples, problem.rng(), run=max(min(most, _MOST), 1))
        return [self.region(chosen) for chosen in across]

    def region(self, across: Region) -> Region:
        """Return the region of the lines at a region of the kept axes."""
        region = [(0, n) for n in self.shape]
        for axis, bounds in zip(self.kept, across, strict=True):
            region[axis] = bounds
        return tuple(region)

    def along(self, region: Region, shape: Shape) -> Region:
        """Return where the answers of lines are that have lengths of their own, in an array of a shape."""
        return tuple((0, n) if axis in self.axes else region[axis] for axis, n in enumerate(shape))

    def reduced(self, region: Region, shape: Shape, *, keepdims: bool) -> Region:
        """Return where the answers of lines are that are one number each, or several, which stand on axes before."""
        kept = [(0, 1) if axis in self.axes else region[axis] for axis in range(len(self.shape))]
        if not keepdims:
            kept = [region[axis] for axis in self.kept]
        n_before = len(shape) - len(kept)
        return (*((0, n) for n in shape[:n_before]), *kept)


def lines_of(problem: Problem) -> Lines:
    """Return the lines of the first input along the axes that the parameters name; all of it where they name none."""
    shape = problem.sources[0].header.shape
    return Lines(shape, tuple(sorted(normalize_axes(problem.params.axis, len(shape)))))


def check_lines(problem: Problem) -> list[Finding]:
    """Return what the answers of sampled lines are, beside NumPy's.

    Raises
    ------
    SpecError
        If not even one line fits in memory.
    """
    lines = lines_of(problem)
    need = lines.length * 8 * _COPIES
    if need > problem.memory_bytes:
        raise problem.too_large(f"a line of {lines.length} elements", need)
    found: dict[str, list[Finding]] = {}
    for region in lines.choose(problem, problem.memory_bytes // max(need, 1)) if _size(problem) else ():
        x = read_region(problem.sources[0], region)
        for name, finding in _compared(problem, lines, region, x):
            found.setdefault(name, []).append(finding)
    return [merged(each) for each in found.values()] or [_nothing(problem, name) for name in problem.outputs]


def _size(problem: Problem) -> int:
    return sum(problem.headers[name].size for name in problem.outputs)


def _nothing(problem: Problem, name: str) -> Finding:
    return Finding(problem.labels(name)["output"], "no elements", 0, 0)


def _compared(
    problem: Problem, lines: Lines, region: Region, x: NDArray[Any]
) -> Iterator[tuple[str, Finding]]:
    with np.errstate(all="ignore"):
        answers = _answers(problem, x)
    for name, (values, bound) in zip(problem.headers, answers, strict=False):
        if name not in problem.outputs:
            continue
        shape = problem.headers[name].shape
        if _is_reduced(problem):
            at = lines.reduced(region, shape, keepdims=problem.params.keepdims)
        else:
            at = lines.along(region, shape) if len(shape) == len(lines.shape) else tuple((0, n) for n in shape)
        place = problem.read_output(name, at), values.reshape(region_shape(at)), bound
        method = f"whole lines of {lines.length}, by NumPy"
        shaped = None if bound is None else np.broadcast_to(bound, values.shape).reshape(region_shape(at))
        yield name, compare(*place[:2], shaped, method=method, index_of=offset_by(at), **problem.labels(name))


def _is_reduced(problem: Problem) -> bool:
    return "keepdims" in type(problem.params).model_fields


def _answers(problem: Problem, x: NDArray[Any]) -> Iterable[tuple[NDArray[Any], NDArray[Any] | None]]:
    name, params = problem.operation.name, problem.params
    if name in _TRANSFORMS:
        return [_transformed(name, x, params, next(iter(problem.headers.values())).dtype)]
    if name in ("cumsum", "cumprod"):
        return [_running(name, x, params, next(iter(problem.headers.values())).dtype)]
    answer = problem.operation.oracle([x], params)
    return [(np.asarray(each), None) for each in (answer if isinstance(answer, tuple) else (answer,))]


_TRANSFORMS: Mapping[str, Any] = {"fft": np.fft.fft, "ifft": np.fft.ifft, "rfft": np.fft.rfft, "irfft": np.fft.irfft}


def _transformed(name: str, x: NDArray[Any], params: Any, dtype: np.dtype[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return transforms in float64, and the bound of Higham 2002, theorem 24.2, on both sides.

    t eta, with t = log2 n and eta below 7 u; a length that is no power of 2 may be padded to at most 4 n points,
    transformed three times.
    """
    wide = x.astype(np.complex128 if x.dtype.kind == "c" else np.float64)
    values = _TRANSFORMS[name](wide, params.n, params.axis, params.norm)
    n = max(params.n or (2 * (x.shape[params.axis] - 1) if name == "irfft" else x.shape[params.axis]), 1)
    steps = math.log2(n) if n & (n - 1) == 0 else 3 * math.log2(4 * n)
    norms = np.sqrt(np.sum(np.abs(values) ** 2, axis=params.axis, keepdims=True))
    # half a spectrum stands for a whole one
    relative = 7 * (float(np.finfo(dtype).eps) / 2 + U) * (steps + 1) * (2 if name == "rfft" else 1)
    # NumPy divides what comes of float16 by a number that it rounds to float16
    relative += 2.0**-11 if x.dtype == np.float16 else 0.0
    return values, np.broadcast_to(math.sqrt(2) * relative * norms, values.shape)


def _running(
    name: str, x: NDArray[Any], params: Any, dtype: np.dtype[Any]
) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Return running sums or products in long double, and as many roundings as `cumulative` counts."""
    function = getattr(np, name)
    if dtype.kind in "biu":
        return function(x, axis=params.axis, dtype=params.dtype), None
    native = x.astype(dtype) if x.dtype.kind in "fc" and params.dtype else x
    wide = native.astype(np.clongdouble if dtype.kind == "c" else np.longdouble)
    values = function(wide, axis=params.axis)
    length = values.shape[params.axis or 0] if values.ndim else 1
    roundings = 36 + 32768 // 32 + length / 64
    sizes = function(np.abs(wide), axis=params.axis) if name == "cumsum" else 3 * np.abs(values)
    bound = (roundings * U * sizes).astype(np.float64)
    # what is not finite is that in any order
    bound = np.where(np.isfinite(values), bound, 0.0)
    if name == "cumprod":
        bound = np.where(_left_range(wide, values, params.axis), np.inf, bound)
    narrow = np.complex128 if dtype.kind == "c" else np.float64
    return values.astype(narrow), bound


def _left_range(x: NDArray[Any], values: NDArray[Any], axis: int | None) -> NDArray[np.bool_]:
    """Return where a running product has left the range of long double, though no factor is 0 or not finite."""
    flat, along = (x.reshape(-1), 0) if axis is None else (x, axis)
    any_so_far = np.logical_or.accumulate
    zero, special = (any_so_far(each, axis=along) for each in (flat == 0, ~np.isfinite(flat)))
    return any_so_far(((values == 0) & ~zero) | (~np.isfinite(values) & ~special & ~zero), axis=along)
