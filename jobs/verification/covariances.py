"""cov and corrcoef: products of deviations, made of the input as it is read, after passes for means and spreads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays import Source
from ..blocks import Grid, Region, row_major_chunks
from ..headers import ArrayHeader
from .findings import Finding
from .labelled import Labelled, Ranges
from .problem import Problem, read_region, widen
from .products import check_labelled

__all__ = ["check_covariance"]

U32, U64 = 2.0**-24, 2.0**-53
_SLAB = 2048


@dataclass(frozen=True, slots=True, eq=False)
class _Deviations:
    """An array less the means of its variables, times a number for each, in float64 or complex128."""

    source: Source
    axis: int
    means: NDArray[Any]
    scales: NDArray[Any]
    is_conjugate: bool = False

    @property
    def header(self) -> ArrayHeader:
        header = self.source.header
        return ArrayHeader(header.name, header.shape, self.means.dtype)

    @contextmanager
    def open(self) -> Iterator[_Deviations]:
        yield self

    def read(self, region: Region, out: NDArray[Any]) -> int:
        at = slice(*region[self.axis]) if len(region) > 1 else slice(None)
        shape = [-1 if axis == self.axis else 1 for axis in range(len(region))] if len(region) > 1 else [1]
        x = widen(read_region(self.source, region))
        made = (x - self.means[at].reshape(shape)) * self.scales[at].reshape(shape)
        out[...] = made.conj() if self.is_conjugate else made
        return out.nbytes


@dataclass(frozen=True, slots=True)
class _Spread:
    """Of each variable: its mean, the mean of its magnitudes, and the root of the sum of its squared deviations."""

    means: NDArray[Any]
    sizes: NDArray[np.float64]
    spreads: NDArray[np.float64]
    n: int


def check_covariance(problem: Problem) -> list[Finding]:
    """Return what a covariance or correlation matrix is, beside products of deviations in float64.

    The bound is that of the operation: with dev the deviations, which single precision knows to 40 u of the mean
    magnitude, ``4 (slab + 40) u |dev|.T @ |dev|`` (Higham 2002, equation 3.13, for slabs of at most 2048 samples), and
    for correlations four times what that is of the product of two spreads.
    """
    source, params = problem.sources[0], problem.params
    header = source.header
    axis = 0 if params.rowvar else header.ndim - 1
    with np.errstate(all="ignore"):
        spread = _spread(problem, source, axis if header.ndim == 2 else None)
        is_correlation = problem.operation.name == "corrcoef"
        freedom = 0 if is_correlation else params.ddof if params.ddof is not None else int(not params.bias)
        divisor = float(max(spread.n - freedom, 0))
        scales = 1 / spread.spreads if is_correlation else np.ones(len(spread.means))
        first = scales if is_correlation else np.divide(scales, divisor)
    sides = (
        _Deviations(source, axis, spread.means, first),
        _Deviations(source, axis, spread.means, scales, is_conjugate=True),
    )
    labelled = _labelled(sides, header, axis)

    def bound(value: NDArray[Any], size: NDArray[Any], ranges: Ranges) -> NDArray[Any]:
        if not ranges:
            ranges = {"i": (0, 1), "j": (0, 1)}
        limit = _loss(problem, spread, size * (1 if is_correlation else divisor), ranges, is_scaled=is_correlation)
        if not is_correlation:
            limit = 2 * limit / divisor + 8 * U64 * np.abs(value)
        return np.asarray(limit).reshape(value.shape)

    finish = _clip if is_correlation else None
    return check_labelled(problem, labelled, bound, finish)


def _labelled(sides: tuple[_Deviations, _Deviations], header: ArrayHeader, axis: int) -> Labelled:
    labels: tuple[tuple[str, ...], tuple[str, ...]] = (("k",), ("k",))
    if header.ndim == 2:
        labels = (("i", "k"), ("j", "k")) if axis == 0 else (("k", "i"), ("k", "j"))
    output = ("i", "j") if header.ndim == 2 else ()
    lengths = dict(zip((*labels[0], *labels[1]), (*header.shape, *header.shape), strict=True))
    return Labelled(sides, labels, output, lengths)  # type: ignore[arg-type]


def _spread(problem: Problem, source: Source, axis: int | None) -> _Spread:
    """Return the means and spreads of variables, by two passes. `axis` is None of one variable in one dimension."""
    shape = source.header.shape
    n_variables = 1 if axis is None else shape[axis]
    n = source.header.size // max(n_variables, 1)
    dtype = np.complex128 if source.header.dtype.kind == "c" else np.float64
    sums, sizes, squares = np.zeros(n_variables, dtype), np.zeros(n_variables), np.zeros(n_variables)
    drift = np.zeros(n_variables, dtype)
    for at, x in _parts(problem, source, axis):
        sums[at] += x.sum(axis=-1)
        sizes[at] += np.abs(x).sum(axis=-1)
    means = sums / n
    for at, x in _parts(problem, source, axis):
        deviations = x - means[at, None]
        squares[at] += (np.abs(deviations) ** 2).sum(axis=-1)
        drift[at] += deviations.sum(axis=-1)
    means = means + np.where(np.isfinite(drift), drift, 0) / n
    return _Spread(means, sizes / n, np.sqrt(squares), n)


def _parts(problem: Problem, source: Source, axis: int | None) -> Iterator[tuple[slice, NDArray[Any]]]:
    shape = source.header.shape
    for region in Grid(shape, row_major_chunks(shape, problem.memory_bytes // 96)).regions():
        x = widen(read_region(source, region))
        if axis is None:
            yield slice(0, 1), x.reshape(1, -1)
        else:
            yield slice(*region[axis]), np.ascontiguousarray(np.moveaxis(x, axis, 0))


def _loss(
    problem: Problem, spread: _Spread, size: NDArray[Any], ranges: Ranges, *, is_scaled: bool
) -> NDArray[Any]:
    """Return how far sums of products of deviations may be off; where those are scaled, relative to two spreads."""
    dtype, n = problem.sources[0].header.dtype, spread.n
    narrow = dtype.kind in "fc" and dtype.itemsize <= 4 * (1 + (dtype.kind == "c")) and problem.precision != "strict"
    slab = 4 * (min(n, _SLAB) + 40) * (U32 if narrow else U64) + 4 * n * U64
    rows, columns = slice(*ranges["i"]), slice(*ranges["j"])
    most = float(np.max(spread.sizes, initial=0.0))

    def products(of_sizes: NDArray[Any], left: slice, right: slice) -> NDArray[Any]:
        known = 40 * U32 * spread.sizes if narrow else np.zeros(len(spread.sizes))
        a, b, c, d = spread.spreads[left, None], spread.spreads[None, right], known[left, None], known[None, right]
        moved = np.sqrt(n) * (a * d + c * b) + n * c * d
        return np.asarray(slab * (of_sizes + moved) + 8 * n * (n * U64 * most) ** 2)

    if not is_scaled:
        return products(size.reshape(len(range(*ranges["i"])), -1) if size.ndim else size, rows, columns)
    scale = spread.spreads[rows, None] * spread.spreads[None, columns]
    own = [np.array([products(spread.spreads[[i]][:, None] ** 2, slice(i, i + 1), slice(i, i + 1))[0, 0]
                     for i in range(*ranges[label])]) for label in ("i", "j")]  # fmt: skip
    relative = products(size * scale, rows, columns) / scale
    of_rows, of_columns = own[0] / spread.spreads[rows] ** 2, own[1] / spread.spreads[columns] ** 2
    return np.asarray(4 * (relative + (of_rows[:, None] + of_columns[None, :]) / 2) + 8 * U64)


def _clip(value: NDArray[Any]) -> NDArray[Any]:
    """Return correlations that are at most 1, as NumPy's are."""
    if value.dtype.kind != "c":
        return np.asarray(np.clip(value, -1, 1))
    return np.asarray(np.clip(value.real, -1, 1) + 1j * np.clip(value.imag, -1, 1))
