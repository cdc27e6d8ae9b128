"""sum, mean and their nan forms: blocks in the input's dtype, merged in float64, sums of everything exactly.

Accuracy: for float32 input the error is at most ``(32 * 2**-24 + 2**-53) * sum(abs(x))`` for any length (see
`block_sums`). Integers are exact modulo 2**64, as NumPy's.
"""

from __future__ import annotations

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
from .axes import Axes
from .block_sums import block_sums, cast
from .exact import expansion, round_expansion
from .reduction import SCRATCH_ITEMSIZE, Oracle, Problem, collapse_piece, draft_reduction
from .summand import DtypeName, summand_dtype

__all__ = ["MEAN", "NANMEAN", "NANSUM", "SUM", "SumKernel", "SumParams"]


_PIECE_BYTES = 8 << 20
_AS_READ_BYTES = 16 << 20
"""The more, the less do calls cost; a piece that is added as it was read needs no memory for a copy."""


class SumParams(Params):
    """Parameters of sum, mean, nansum and nanmean."""

    axis: Axes = Field(None, description="axis or axes to reduce, as 0, -1 or 0,2; all when left out")
    dtype: DtypeName = Field(None, description="dtype of the result and of the addition, as NumPy's dtype=")
    keepdims: bool = Field(False, description="keep reduced axes with length 1")


@dataclass(frozen=True, slots=True)
class SumKernel:
    """Sums of pieces.

    Partials are ``(sums,)`` or, where elements are counted, ``(sums, counts)``. `sums` has shape (m, n): one row for n
    kept elements, or an expansion of m terms for a single one.

    Parameters
    ----------
    compute : numpy.dtype
        What elements are cast to, and added in within a block.
    result : numpy.dtype
    divisor : int or None
        Divide by this: the mean.
    skip_nan : bool
        Leave NaN out.
    count_kept : bool
        Divide by the number of elements that were not left out.
    piece_bytes : int
        Of a piece as it is added.
    """

    compute: np.dtype[Any]
    result: np.dtype[Any]
    divisor: int | None = None
    skip_nan: bool = False
    count_kept: bool = False
    piece_bytes: int = _PIECE_BYTES

    @property
    def piece_elements(self) -> int:
        """Pieces that are cast first are smaller."""
        return self.piece_bytes // self.compute.itemsize

    @property
    def is_exact(self) -> bool:
        """Integers add exactly, modulo 2^64."""
        return self.compute.kind in "iu"

    def fold(self, xp: Namespace, piece: Any, axes: tuple[int, ...], origin: Shape) -> tuple[Any, ...]:
        """Return the sums of a piece, and how many elements went into each if they are counted."""
        x, reduced = collapse_piece(xp, piece, axes)
        if not self.skip_nan:
            return (self._sums(xp, x, reduced),)
        missing = xp.isnan(x)
        sums = self._sums(xp, xp.where(missing, xp.zeros_like(x), x), reduced)
        if not self.count_kept:
            return (sums,)
        counts = xp.sum(~missing, axis=reduced, dtype=xp.int64) if reduced else xp.astype(~missing, xp.int64)
        return sums, xp.reshape(counts, (1, -1))

    def merge(self, left: Partial, right: Partial) -> Partial:
        """Return the sums of two neighbours."""
        with np.errstate(all="ignore"):
            return (_add(left[0], right[0]), *(a + b for a, b in zip(left[1:], right[1:], strict=True)))

    def finish(self, partial: Partial) -> NDArray[Any]:
        """Return sums or means in the result's dtype."""
        with np.errstate(all="ignore"):
            # NumPy's sums begin with 0, so that none is -0.0; told of integers, it adds in them, which wraps
            total = _round(partial[0]) + 0
            total = total.astype(self.result) if self.result.kind in "iu" else total
            if self.count_kept:
                total = total / partial[1][0]
            elif self.divisor is not None:
                total = total / self.divisor
            return np.asarray(total).astype(self.result)

    def _sums(self, xp: Namespace, x: Any, axes: tuple[int, ...]) -> Any:
        dtype = getattr(xp, self.compute.name)
        if self.result.kind == "b":
            # dtype=bool adds truth values: what is not zero counts, a fraction too
            x = x != 0
        if self.compute.kind in "iu":
            sums = xp.sum(x, axis=axes, dtype=dtype) if axes else cast(xp, x, dtype)
            return xp.reshape(sums, (1, -1))
        sums = block_sums(xp, cast(xp, x, dtype), axes)
        if self.compute.itemsize < 8 * (1 + (self.compute.kind == "c")) and not _all_finite(xp, sums):
            # a block overflowed float32 (or holds inf or nan): again in float64, where only the latter stay
            wide = xp.complex128 if self.compute.kind == "c" else xp.float64
            sums = block_sums(xp, cast(xp, x, wide), axes)
        return xp.reshape(sums, (-1, 1) if len(axes) == x.ndim else (1, -1))


def _all_finite(xp: Namespace, x: Any) -> bool:
    return bool(xp.all(xp.isfinite(x)))


def _add(left: NDArray[Any], right: NDArray[Any]) -> NDArray[Any]:
    if left.shape[1] != 1 or left.dtype.kind in "iu":
        return np.asarray(left + right)
    terms = np.concatenate([left[:, 0], right[:, 0]])
    if terms.dtype.kind != "c":
        return expansion(terms)[:, None]
    real, imaginary = expansion(terms.real.copy()), expansion(terms.imag.copy())
    parts = np.zeros(max(len(real), len(imaginary)), terms.dtype)
    parts.real[: len(real)], parts.imag[: len(imaginary)] = real, imaginary
    return parts[:, None]


def _round(sums: NDArray[Any]) -> NDArray[Any]:
    if len(sums) == 1:
        return np.asarray(sums[0])
    if sums.dtype.kind != "c":
        return np.array([round_expansion(sums[:, 0])])
    return np.array([complex(round_expansion(sums.real[:, 0]), round_expansion(sums.imag[:, 0]))])


def _operation(name: str, summary: str, function: Any, *, mean: bool, skip_nan: bool) -> Operation:
    def oracle(arrays: Sequence[NDArray[Any]], params: SumParams) -> NDArray[Any]:
        answer: NDArray[Any] = function(arrays[0], axis=params.axis, dtype=params.dtype, keepdims=params.keepdims)
        return answer

    def build(headers: Sequence[ArrayHeader], params: SumParams, limits: Limits) -> Draft:
        return _build(headers[0], params, limits, name=name, oracle=oracle, mean=mean, skip_nan=skip_nan)

    example = f"arraymill run {name} x.npy --axis 0 -o {name}.npy"
    return Operation(name, summary, example, ("x",), SumParams, build, oracle)


def _build(
    header: ArrayHeader,
    params: SumParams,
    limits: Limits,
    *,
    name: str,
    oracle: Oracle,
    mean: bool,
    skip_nan: bool,
) -> Draft:
    is_plain = not skip_nan and _is_added_as_read(header, params, limits)

    def make_kernel(problem: Problem) -> SumKernel:
        may_be_nan = skip_nan and problem.dtype.kind in "fc"
        return SumKernel(
            summand_dtype(problem.dtype, problem.result, problem.limits, forced=params.dtype is not None),
            problem.result,
            divisor=problem.count if mean else None,
            skip_nan=may_be_nan,
            count_kept=may_be_nan and mean,
            piece_bytes=_AS_READ_BYTES if is_plain else _PIECE_BYTES,
        )

    return draft_reduction(
        header,
        params,
        limits,
        name=name,
        axis=params.axis,
        keepdims=params.keepdims,
        oracle=oracle,
        make_kernel=make_kernel,
        scratch_itemsize=_wide_itemsize(header.dtype) if is_plain else SCRATCH_ITEMSIZE,
    )


def _wide_itemsize(dtype: np.dtype[Any]) -> int:
    """Return what an element takes in float64 (complex128), to which pieces that overflow float32 are cast."""
    return 2 * dtype.itemsize if dtype.char in "fF" else 0


def _is_added_as_read(header: ArrayHeader, params: SumParams, limits: Limits) -> bool:
    """Tell whether no element is cast before it is added, nor unpacked before it is read."""
    is_wide = header.dtype.kind in "fc" and header.dtype.itemsize > 2
    return is_wide and not header.chunks and params.dtype is None and limits.precision != "strict"


SUM = _operation("sum", "Sum of the elements over axes", np.sum, mean=False, skip_nan=False)
MEAN = _operation("mean", "Arithmetic mean over axes", np.mean, mean=True, skip_nan=False)
NANSUM = _operation("nansum", "Sum over axes, NaN taken as zero", np.nansum, mean=False, skip_nan=True)
NANMEAN = _operation("nanmean", "Mean over axes, NaN left out", np.nanmean, mean=True, skip_nan=True)
