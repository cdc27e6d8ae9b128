"""standardize: ``(x - mean) / std`` along axes; the means and standard deviations are results of their own.

Both come from one pass (`moments`: shifted, never E[x^2] - E[x]^2), in float64 and with reduced axes of length 1, so
that other arrays are standardized by them: ``map y.npy out.mean.npy out.std.npy --expr "(x - y) / z"``. A second pass
divides, in float64.

What is constant has a standard deviation of exactly 0 and is divided by 1, as scikit-learn's StandardScaler does: it
becomes 0. NumPy's own formula gives 1e-17 for many constants, and noise in place of zeros. NaN in a column makes NaN of
the column.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ...blocks import Shape
from ...dtypes import refuse_dtype
from ...headers import ArrayHeader
from ...limits import Limits
from ...stages.kernels import Namespace, Partial
from ...stages.shapes import Draft
from ..chain import Chain, Step
from ..operation import Operation, Params
from ..reductions.axes import Axes
from ..reductions.moments import MomentKernel
from ..reductions.reduction import Problem, collapse_piece, draft_reduction
from ..reductions.summand import summand_dtype
from .field import FIELD
from .map import MAP

__all__ = ["STANDARDIZE", "StandardizeParams", "StatisticsKernel"]

_NEARLY = 1e-6
"""The square of a ratio of deviation to mean above which nothing is nearly constant, in float32 neither."""


class StandardizeParams(Params):
    """Parameters of standardize."""

    axis: Axes = Field(0, description="axis or axes of the samples, as 0, -1 or 0,2; all when None")
    ddof: float = Field(0, description="delta degrees of freedom of the standard deviation, as numpy.std")


@dataclass(frozen=True, slots=True)
class StatisticsKernel:
    """Means and standard deviations together; partials are those of `moments`, a first element, and "all are it".

    Parameters
    ----------
    moments : MomentKernel
    result : numpy.dtype
        With the fields mean and std.
    """

    moments: MomentKernel
    result: np.dtype[Any]

    @property
    def piece_elements(self) -> int:
        """As that of `moments`."""
        return self.moments.piece_elements

    @property
    def is_exact(self) -> bool:
        """Deviations are rounded."""
        return False

    def fold(self, xp: Namespace, piece: Any, axes: tuple[int, ...], origin: Shape) -> tuple[Any, ...]:
        """Return moments, the first elements, and whether all others are equal to them."""
        counts, means, m2s = self.moments.fold(xp, piece, axes, origin)
        x, reduced = collapse_piece(xp, piece, axes)
        first = x[tuple(slice(0, 1) if axis in reduced else slice(None) for axis in range(x.ndim))]
        if bool(xp.all(m2s > _NEARLY * counts * xp.abs(means) ** 2)):
            same = xp.zeros_like(m2s, dtype=xp.bool)
        else:
            equal = x == first
            same = xp.reshape(xp.all(equal, axis=reduced) if reduced else equal, (-1,))
        return counts, means, m2s, xp.reshape(first, (-1,)), same

    def merge(self, left: Partial, right: Partial) -> Partial:
        """Return the statistics of two neighbours."""
        merged = self.moments.merge(left[:3], right[:3])
        return *merged, left[3], left[4] & right[4] & (left[3] == right[3])

    def finish(self, partial: Partial) -> NDArray[Any]:
        """Return records of mean and std."""
        counts, means, m2s, first, same = partial
        freedom = counts - self.moments.ddof
        records = np.empty(means.shape, self.result)
        with np.errstate(all="ignore"):
            std = np.sqrt(m2s / np.maximum(freedom, 0))
        records["mean"] = np.where(same, first, means)
        records["std"] = np.where(same & (freedom > 0) & np.isfinite(first), 0.0, std)
        return records


def _chain(headers: Sequence[ArrayHeader], params: StandardizeParams, limits: Limits) -> Chain:
    header = headers[0]
    refuse_dtype(header.name, header.dtype)
    dtype = np.std(np.ones(1, header.dtype)).dtype if header.dtype.kind != "c" else header.dtype.newbyteorder("=")
    expression = {"expr": "(x - mean) / where(std == 0, 1, std)", "names": ("x", "mean", "std"), "dtype": dtype.name}
    return Chain(
        (
            Step("statistics", _STATISTICS, ("x",), params.model_dump()),
            Step("mean", FIELD, ("statistics",), {"name": "mean"}),
            Step("std", FIELD, ("statistics",), {"name": "std"}),
            Step("standardized", MAP, ("x", "mean", "std"), expression),
        ),
        (("standardized", "standardized"), ("mean", "mean"), ("std", "std")),
        notes=("what is constant has std 0 and is divided by 1: it becomes 0",),
    )


def _statistics(arrays: Sequence[NDArray[Any]], params: StandardizeParams) -> NDArray[Any]:
    x = arrays[0]
    records = np.empty(np.mean(x, axis=params.axis, keepdims=True).shape, _record_dtype(x.dtype))
    wide = np.complex128 if x.dtype.kind == "c" else np.float64
    records["mean"] = np.mean(x, axis=params.axis, keepdims=True, dtype=wide)
    records["std"] = np.std(x, axis=params.axis, keepdims=True, ddof=params.ddof, dtype=wide).real
    return records


def _record_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    return np.dtype([("mean", "c16" if dtype.kind == "c" else "f8"), ("std", "f8")])


def _build(headers: Sequence[ArrayHeader], params: StandardizeParams, limits: Limits) -> Draft:
    def make_kernel(problem: Problem) -> StatisticsKernel:
        kind = problem.dtype.kind
        result = np.dtype("c16" if kind == "c" else "f8")
        summand = problem.dtype if kind in "fc" else result
        compute = summand_dtype(problem.dtype, summand, problem.limits, forced=False)
        return StatisticsKernel(MomentKernel(compute, result, params.ddof, root=True, skip_nan=False), problem.result)

    return draft_reduction(
        headers[0],
        params,
        limits,
        name="standardize",
        axis=params.axis,
        keepdims=True,
        oracle=_statistics,
        make_kernel=make_kernel,
        flops_per_element=5,
    )


_STATISTICS = Operation(
    "statistics",
    "Mean and standard deviation in one pass",
    "",
    ("x",),
    StandardizeParams,
    _build,
    _statistics,
)


def _oracle(arrays: Sequence[NDArray[Any]], params: StandardizeParams) -> tuple[NDArray[Any], ...]:
    x = arrays[0]
    records = _statistics(arrays, params)
    first = x[tuple(slice(0, 1) if n == 1 else slice(None) for n in records.shape)]
    constant = np.all(x == first, axis=params.axis, keepdims=True) & ~np.isnan(records["std"])
    std = np.where(constant, 0.0, records["std"])
    dtype = np.std(np.ones(1, x.dtype)).dtype if x.dtype.kind != "c" else x.dtype
    standardized = (x - records["mean"]) / np.where(std == 0, 1, std)
    return np.where(std == 0, 0, standardized).astype(dtype), records["mean"], std


STANDARDIZE = Operation(
    "standardize",
    "Standard scores along an axis, (x - mean) / std; mean and std are saved beside the result",
    "arraymill run standardize x.npy --axis 0 -o z.npy",
    ("x",),
    StandardizeParams,
    None,
    _oracle,
    chain=_chain,
)
