"""Sums, means, products, variances and norms of lines of any length, in float64, and how far a result may be from them.

A line is streamed in chunks; a chunk is summed pairwise by NumPy, and chunks are added with the rounding of every
addition kept beside the sum (Neumaier). What this costs is below 64 * 2^-53 sum|x| for any length.

References
----------
A. Neumaier, "Rundungsfehleranalyse einiger Verfahren zur Summation endlicher Summen", ZAMM 54 (1974), 39-51.
N. J. Higham, "Accuracy and Stability of Numerical Algorithms", 2nd ed. (2002), equations 3.14a, 4.4 and 4.6.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..blocks import Grid, Region, as_slices, offset_region, region_shape, row_major_chunks
from .lanes import Lines
from .problem import Problem, read_region, widen

__all__ = ["ROUNDED", "Answer", "answer_of", "chunks_of"]

U = 2.0**-53
_REFERENCE = 64 * U
"""Of a sum that is made here."""
_COPIES = 12
ROUNDED = frozenset(
    prefix + name for prefix in ("", "nan") for name in ("sum", "mean", "prod", "var", "std")
) | {"norm"}
"""Reductions whose answer is rounded; of integers, sums and products are exact."""

Answer = tuple[NDArray[Any], NDArray[Any] | None]
"""What lines come to, in the shape of the kept axes, and its bound; None: every bit counts."""
Chunk = tuple[tuple[slice, ...], NDArray[Any]]
"""Which of the kept lines, and some elements of each: (kept axes..., elements), in C order of the axes of the lines."""


def chunks_of(problem: Problem, lines: Lines, region: Region) -> Iterator[Chunk]:
    """Yield the elements of whole lines, as many at once as fit."""
    shape = region_shape(region)
    largest = max(problem.memory_bytes // (8 * _COPIES), 1)
    starts = [start for start, _ in region]
    for part in Grid(shape, row_major_chunks(shape, largest)).regions():
        x = read_region(problem.sources[0], offset_region(part, starts))
        x = np.transpose(x, (*lines.kept, *lines.axes))
        kept = as_slices(tuple(part[axis] for axis in lines.kept))
        yield kept, np.ascontiguousarray(x).reshape(*x.shape[: len(lines.kept)], -1)


@dataclass(slots=True)
class _Total:
    """A sum of chunks, for each line, whose roundings are kept."""

    total: NDArray[Any]
    lost: NDArray[Any]
    plain: NDArray[Any]

    @classmethod
    def zeros(cls, shape: tuple[int, ...], dtype: Any) -> _Total:
        return cls(*(np.zeros(shape, dtype) for _ in range(3)))

    def add(self, at: tuple[slice, ...], terms: NDArray[Any]) -> None:
        term = terms.sum(axis=-1)
        before = self.total[at]
        after = before + term
        self.lost[at] += np.where(np.abs(before) >= np.abs(term), (before - after) + term, (term - after) + before)
        self.total[at] = after
        self.plain[at] += term

    @property
    def value(self) -> NDArray[Any]:
        return np.where(np.isfinite(self.plain), self.total + self.lost, self.plain)


def answer_of(problem: Problem, lines: Lines, region: Region) -> Answer:
    """Return what whole lines come to under a reduction that rounds, and how far a result may be from that."""
    name, result = problem.operation.name, problem.headers[""].dtype
    skip_nan, plain = name.startswith("nan"), name.removeprefix("nan")
    with np.errstate(all="ignore"):
        if plain in ("sum", "prod") and result.kind in "biu":
            return _integers(problem, lines, region, plain, result), None
        stream = _Stream(problem, lines, region, skip_nan)
        if plain == "norm":
            return _norm(stream)
        return _product(stream) if plain == "prod" else _moments(stream, plain)


def _integers(problem: Problem, lines: Lines, region: Region, name: str, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return sums or products modulo 2^bits."""
    ufunc = np.add if name == "sum" else np.multiply
    total = np.full(_kept_shape(lines, region), int(name == "prod"), dtype)
    for at, x in chunks_of(problem, lines, region):
        total[at] = ufunc(total[at], ufunc.reduce(x, axis=-1, dtype=dtype), dtype=dtype)
    return total


def _kept_shape(lines: Lines, region: Region) -> tuple[int, ...]:
    return tuple(region[axis][1] - region[axis][0] for axis in lines.kept)


@dataclass(frozen=True, slots=True)
class _Stream:
    """Lines in float64 or complex128, cast first as the parameters say; of NaN that are left out, zeros."""

    problem: Problem
    lines: Lines
    region: Region
    skip_nan: bool

    @property
    def shape(self) -> tuple[int, ...]:
        return _kept_shape(self.lines, self.region)

    @property
    def n(self) -> int:
        return self.lines.length

    @property
    def dtype(self) -> Any:
        return np.complex128 if self.problem.sources[0].header.dtype.kind == "c" else np.float64

    @property
    def cast(self) -> str | None:
        return getattr(self.problem.params, "dtype", None)

    @property
    def u(self) -> float:
        """Unit roundoff of sums within a block."""
        dtype = np.dtype(self.cast) if self.cast else self.problem.sources[0].header.dtype
        is_single = dtype.kind in "fc" and dtype.itemsize <= 4 * (1 + (dtype.kind == "c"))
        return 2.0**-24 if is_single and self.problem.precision != "strict" else U

    def chunks(self) -> Iterator[tuple[tuple[slice, ...], NDArray[Any], NDArray[Any]]]:
        """Yield which lines, their elements, and which of those count."""
        for at, x in chunks_of(self.problem, self.lines, self.region):
            native = x.astype(self.cast) if self.cast and x.dtype.kind in "fc" else x
            wide = widen(native)
            counts = ~np.isnan(wide) if self.skip_nan else np.ones(wide.shape, bool)
            yield at, np.where(counts, wide, 0), counts

    def total(self, of: Callable[[NDArray[Any], NDArray[Any]], NDArray[Any]], dtype: Any = np.float64) -> NDArray[Any]:
        """Return the sum over each line of a function of elements and of which count."""
        total = _Total.zeros(self.shape, dtype)
        for at, x, counts in self.chunks():
            total.add(at, of(x, counts))
        return total.value


def _moments(stream: _Stream, name: str) -> Answer:
    total, sizes, count = _Total.zeros(stream.shape, stream.dtype), _Total.zeros(stream.shape, float), None
    count = np.zeros(stream.shape)
    for at, x, counts in stream.chunks():
        total.add(at, x)
        sizes.add(at, np.abs(x))
        count[at] += counts.sum(axis=-1)
    sums, size = total.value, sizes.value
    of_sum = (min(stream.n, 32) + 1) * stream.u + (stream.n / 32 + 64) * U + _REFERENCE
    # an infinity or NaN of the input decides what the sum is, in any order
    loss = np.where(np.isfinite(size), of_sum * size, 0.0)
    if name == "sum":
        return sums, loss
    means = sums / count
    if name == "mean":
        return means, np.where(np.isfinite(means), loss / count + 2 * U * np.abs(means), 0.0)
    return _variance(stream, name, means, size / count, count)


def _variance(
    stream: _Stream, name: str, means: NDArray[Any], size: NDArray[Any], count: NDArray[Any]
) -> Answer:
    """Return variances by two passes; their bound is derived where the operations are tested (operation_contract).

    With M2 the sum of squared deviations, A the mean magnitude and s = steps u the error of a sum: a piece is shifted
    by its own mean, known to s A, so what is squared adds up to D <= M2 + n (s A)^2. Squares and their sum are within
    (s + 3u) D, the correction drift^2 / n within 2 s D, and the delta of a merge within 2 s of the root mean square,
    so 2 s D again: below 8 s D together. Means are kept in float64: n U A of them moves M2 by 2 n U A sqrt(n M2).
    """
    squares, drift = _Total.zeros(stream.shape, float), _Total.zeros(stream.shape, stream.dtype)
    for at, x, counts in stream.chunks():
        deviations = np.where(counts, x - means[at][..., None], 0)
        squares.add(at, np.abs(deviations) ** 2)
        drift.add(at, deviations)
    m2 = squares.value - np.abs(drift.value) ** 2 / count
    divisor = np.maximum(count - stream.problem.params.ddof, 0)
    variance = m2 / divisor
    n, s = stream.n, (min(stream.n, 32) + 4) * stream.u + stream.n * U
    d = m2 + count * (s * size) ** 2
    loss = 2 * (8 * s * d + 2 * n * U * size * np.sqrt(count * d) + count * (n * U * size) ** 2) / divisor
    loss = np.where(np.isfinite(size) & (divisor > 0), loss + 2 * _REFERENCE * np.abs(variance), 0.0)
    if name == "var":
        return variance, loss
    root = np.sqrt(variance)
    return root, np.minimum(np.sqrt(loss), np.where(root > 0, loss / np.where(root > 0, root, 1), np.inf))


def _product(stream: _Stream) -> Answer:
    """Return products of fractions, with their powers of 2 apart: what overflows on the way need not at the end."""
    value: NDArray[Any] = np.ones(stream.shape, stream.dtype)
    exponent = np.zeros(stream.shape)
    for at, x, counts in stream.chunks():
        terms = np.where(counts, x, 1)
        while terms.shape[-1] > 0:
            head, terms = terms[..., :512], terms[..., 512:]
            fractions, powers = _split(head)
            made, shift = _split(value[at] * np.multiply.reduce(fractions, axis=-1))
            value[at], exponent[at] = made, exponent[at] + powers.sum(axis=-1) + shift
    exponent = np.where(value == 0, 0.0, np.clip(exponent, -5000, 5000))
    half = np.trunc(exponent / 2)
    scaled = value * np.exp2(half) * np.exp2(exponent - half)
    return scaled, np.where(np.isfinite(scaled), np.abs(scaled) * 2 * 3 * stream.n * U, 0.0)


def _split(x: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return fractions near 1 and powers of 2."""
    if x.dtype.kind != "c":
        fractions, powers = np.frexp(x)
        return fractions, powers.astype(np.float64)
    _, powers = np.frexp(np.maximum(np.abs(x.real), np.abs(x.imag)))
    shift = np.where(np.isfinite(x), powers, 0).astype(np.float64)
    return x * np.exp2(-shift), shift


def _norm(stream: _Stream) -> Answer:
    """Return norms of magnitudes over the largest of them: no power overflows."""
    order = stream.problem.params.ord
    p = 2.0 if order in (None, "fro") else float(order)
    largest, least = np.zeros(stream.shape), np.full(stream.shape, np.inf)
    for at, x, _ in stream.chunks():
        largest[at] = np.maximum(largest[at], np.abs(x).max(axis=-1, initial=0.0))
        least[at] = np.minimum(least[at], np.abs(x).min(axis=-1, initial=np.inf))
    if math.isinf(p):
        values = largest if p > 0 else least
    elif p == 0:
        values = stream.total(lambda x, _: (x != 0).astype(float))
    else:
        scale = np.where(np.isfinite(largest) & (largest > 0), largest, 1.0)
        totals = _Total.zeros(stream.shape, float)
        for at, x, _ in stream.chunks():
            totals.add(at, (np.abs(x) / scale[at][..., None]) ** p)
        values = totals.value ** (1 / p) * scale
    steep = 1.0 if p in (0, math.inf, -math.inf) else max(1 / abs(p), 1)
    n = stream.n
    bound = np.abs(values) * steep * ((min(n, 32) + 8) * stream.u + (2 * n + 256) * U)
    return values, np.where(np.isfinite(values), bound, 0.0)
