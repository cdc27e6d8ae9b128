"""var, std and their nan forms: (count, mean, M2) of every piece, merged pairwise; never E[x^2] - E[x]^2.

A piece is shifted by its own mean before it is squared, so the error is relative to the variance, not to the mean.
Where the mean is not large beside the deviations that gains nothing: then `raw_moments` reads the piece as it is.

References
----------
T. F. Chan, G. H. Golub, R. J. LeVeque, "Updating Formulae and a Pairwise Algorithm for Computing Sample Variances",
Stanford STAN-CS-79-773 (1979), equation 1.5 (the merge); "Algorithms for Computing the Sample Variance", The American
Statistician 37 (1983), equation 1.7 (the corrected two-pass algorithm used within a piece).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ...blocks import Shape
from ...headers import ArrayHeader
from ...limits import Limits
from ...stages.kernels import Namespace, Partial
from ...stages.shapes import Draft
from ..operation import Operation, Params
from ..scratch import scratch_like
from .axes import Axes
from .block_sums import block_sums, cast
from .raw_moments import raw_moments, trusted_m2
from .reduction import Problem, collapse_piece, draft_reduction
from .summand import FloatName, summand_dtype

__all__ = ["NANSTD", "NANVAR", "STD", "VAR", "MomentKernel", "MomentParams"]

_LEAST_SQUARE = 2.0**-100
"""Of deviations in float32, on average: what is lost of those below 2^-126 is less than a rounding of this."""


class MomentParams(Params):
    """Parameters of var, std, nanvar and nanstd."""

    axis: Axes = Field(None, description="axis or axes to reduce, as 0, -1 or 0,2; all when left out")
    dtype: FloatName = Field(None, description="dtype of the result and of the arithmetic, as NumPy's dtype=")
    ddof: float = Field(0, description="delta degrees of freedom: the divisor is n - ddof; NumPy's 0, not torch's 1")
    keepdims: bool = Field(False, description="keep reduced axes with length 1")


@dataclass(frozen=True, slots=True)
class MomentKernel:
    """Partials are ``(counts, means, m2s)``, each of the shape of the kept elements; m2 = sum of |x - mean|^2.

    Parameters
    ----------
    compute : numpy.dtype
        What elements are cast to.
    result : numpy.dtype
    ddof : float
    root : bool
        Take the square root at the end.
    skip_nan : bool
        Leave NaN out.
    """

    compute: np.dtype[Any]
    result: np.dtype[Any]
    ddof: float
    root: bool
    skip_nan: bool

    @property
    def piece_elements(self) -> int:
        """8 MiB: it is read twice, the second time from the cores' cache, and what calls cost is lost in it."""
        return (8 << 20) // self.compute.itemsize

    @property
    def is_exact(self) -> bool:
        """Deviations are rounded."""
        return False

    def fold(self, xp: Namespace, piece: Any, axes: tuple[int, ...], origin: Shape) -> tuple[Any, ...]:
        """Return counts, means and sums of squared deviations of a piece."""
        x, reduced = collapse_piece(xp, piece, axes)
        x = cast(xp, x, getattr(xp, self.compute.name))
        if xp is np and reduced and self.compute.kind == "f" and not self.skip_nan:
            count = math.prod(x.shape[axis] for axis in reduced)
            sums, squares, condition = raw_moments(x, reduced)
            m2 = trusted_m2(count, sums, squares, condition)
            if m2 is not None and not self._lost_digits(np, x, float(count), squares, reduced):
                return np.full(len(m2), float(count)), sums / count, m2
        counts, means, m2s = self._deviations(xp, x, reduced)
        if self._is_narrow and (not bool(xp.all(xp.isfinite(m2s))) or self._lost_digits(xp, x, counts, m2s, reduced)):
            # a square overflowed float32, or x holds inf or nan: in float64 only the latter stay
            x = cast(xp, x, xp.complex128 if self.compute.kind == "c" else xp.float64)
            counts, means, m2s = self._deviations(xp, x, reduced)
        elif xp is np and self.compute.kind == "f" and not np.isfinite(m2s).all():
            # a sum overflowed float64: of smaller numbers it does not
            smaller = self._deviations(np, x * 2.0**-520, reduced)
            is_right = np.isfinite(m2s)
            means = np.where(is_right, means, smaller[1] * 2.0**520)
            m2s = np.where(is_right, m2s, smaller[2] * 2.0**520 * 2.0**520)
        return counts, means, m2s

    @property
    def _is_narrow(self) -> bool:
        return self.compute.itemsize < 8 * (1 + (self.compute.kind == "c"))

    def _lost_digits(self, xp: Namespace, x: Any, counts: Any, squares: Any, axes: tuple[int, ...]) -> bool:
        """Tell whether squares were too small for float32: deviations of numbers beyond 2^-20 have none, but for 0."""
        is_small = squares < counts * _LEAST_SQUARE
        if not self._is_narrow or not axes or not bool(xp.any(is_small)):
            return False
        sizes = xp.abs(x)
        if self.skip_nan:
            sizes = xp.where(xp.isnan(sizes), xp.zeros_like(sizes), sizes)
        largest = xp.reshape(xp.max(sizes, axis=axes), (-1,))
        return bool(xp.any(is_small & (largest > 0) & (largest < 2.0**-20)))

    def merge(self, left: Partial, right: Partial) -> Partial:
        """Return the moments of two neighbours."""
        (n_a, mean_a, m2_a), (n_b, mean_b, m2_b) = left, right
        with np.errstate(all="ignore"):
            n = n_a + n_b
            share = np.where(n > 0, n_b / n, 0.0)
            delta = np.where(n_a > 0, np.where(n_b > 0, mean_b - mean_a, 0.0), mean_b)
            m2 = m2_a + m2_b + _squares(np, delta) * np.where(n_a > 0, n_a, 0.0) * share
            return n, mean_a + delta * share, m2

    def finish(self, partial: Partial) -> NDArray[Any]:
        """Return variances or standard deviations in the result's dtype."""
        counts, _, m2s = partial
        with np.errstate(all="ignore"):
            freedom = counts - self.ddof
            # NumPy clips the divisor at 0, and its nan forms give NaN there
            variance = m2s / np.maximum(freedom, 0)
            if self.skip_nan:
                variance = np.where(freedom <= 0, np.nan, variance)
            return np.asarray((np.sqrt(variance) if self.root else variance).astype(self.result))

    def _deviations(self, xp: Namespace, x: Any, axes: tuple[int, ...]) -> tuple[Any, Any, Any]:
        missing = xp.isnan(x) if self.skip_nan else None
        present = x if missing is None else xp.where(missing, xp.zeros_like(x), x)
        counts = _counts(xp, x, axes, missing)
        divisor = counts if missing is None else xp.where(counts > 0, counts, xp.ones_like(counts))
        shift = cast(xp, _total(xp, present, axes) / divisor, x.dtype)
        d = xp.subtract(present, _spread(xp, shift, x, axes), **scratch_like(xp, present, "deviations"))
        if missing is not None:
            d = xp.where(missing, xp.zeros_like(d), d)
        drift = _total(xp, d, axes)
        squares = _squares(xp, d, **scratch_like(xp, d, "squares"))
        m2s = _total(xp, squares, axes) - _squares(xp, drift) / divisor
        return counts, cast(xp, shift, drift.dtype) + drift / divisor, m2s


def _counts(xp: Namespace, x: Any, axes: tuple[int, ...], missing: Any) -> Any:
    """Return the number of elements reduced into each kept one, as float64."""
    if missing is not None:
        found = xp.sum(~missing, axis=axes, dtype=xp.float64) if axes else cast(xp, ~missing, xp.float64)
        return xp.reshape(found, (-1,))
    n_kept = n_reduced = 1
    for axis, length in enumerate(x.shape):
        n_reduced, n_kept = (n_reduced * length, n_kept) if axis in axes else (n_reduced, n_kept * length)
    return xp.full((n_kept,), float(n_reduced), dtype=xp.float64, **_place(xp, x))


def _place(xp: Namespace, x: Any) -> dict[str, Any]:
    return {} if xp is np else {"device": x.device}


def _total(xp: Namespace, x: Any, axes: tuple[int, ...]) -> Any:
    sums = block_sums(xp, x, axes)
    if len(axes) == x.ndim:
        sums = xp.sum(sums)
    return xp.reshape(sums, (-1,))


def _spread(xp: Namespace, values: Any, x: Any, axes: tuple[int, ...]) -> Any:
    """Return the kept values in a shape that broadcasts against `x`."""
    return xp.reshape(values, tuple(1 if axis in axes else n for axis, n in enumerate(x.shape)))


def _squares(xp: Namespace, x: Any, **out: Any) -> Any:
    if x.dtype in (xp.complex64, xp.complex128):
        return xp.real(x) * xp.real(x) + xp.imag(x) * xp.imag(x)
    return xp.multiply(x, x, **out)


def _operation(name: str, summary: str, function: Any, *, root: bool, skip_nan: bool) -> Operation:
    def oracle(arrays: Sequence[NDArray[Any]], params: MomentParams) -> NDArray[Any]:
        answer: NDArray[Any] = function(
            arrays[0], axis=params.axis, dtype=params.dtype, ddof=params.ddof, keepdims=params.keepdims
        )
        return answer

    def build(headers: Sequence[ArrayHeader], params: MomentParams, limits: Limits) -> Draft:
        def make_kernel(problem: Problem) -> MomentKernel:
            return MomentKernel(
                _moment_dtype(problem, forced=params.dtype is not None),
                problem.result,
                params.ddof,
                root=root,
                skip_nan=skip_nan and problem.dtype.kind in "fc",
            )

        return draft_reduction(
            headers[0],
            params,
            limits,
            name=name,
            axis=params.axis,
            keepdims=params.keepdims,
            oracle=oracle,
            make_kernel=make_kernel,
            flops_per_element=4,
        )

    example = f"arraymill run {name} x.npy --axis 0 --ddof 1 -o {name}.npy"
    return Operation(name, summary, example, ("x",), MomentParams, build, oracle)


def _moment_dtype(problem: Problem, *, forced: bool) -> np.dtype[Any]:
    """Return the dtype of the deviations: complex input stays complex though its variance is real."""
    if problem.dtype.kind != "c":
        return summand_dtype(problem.dtype, problem.result, problem.limits, forced=forced)
    wide = forced or problem.limits.precision == "strict"
    return np.dtype(np.complex128) if wide else problem.dtype


VAR = _operation("var", "Variance over axes", np.var, root=False, skip_nan=False)
STD = _operation("std", "Standard deviation over axes", np.std, root=True, skip_nan=False)
NANVAR = _operation("nanvar", "Variance over axes, NaN left out", np.nanvar, root=False, skip_nan=True)
NANSTD = _operation("nanstd", "Standard deviation over axes, NaN left out", np.nanstd, root=True, skip_nan=True)
