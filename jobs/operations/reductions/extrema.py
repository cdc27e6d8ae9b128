"""min, max, ptp, argmin, argmax and their nan forms. Exact: NaN propagates, ties go to the first index, as in NumPy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ...blocks import Shape
from ...dtypes import compute_dtype
from ...headers import ArrayHeader
from ...limits import Limits
from ...stages.kernels import Namespace, Partial
from ...stages.shapes import Draft
from ..operation import Operation, Params
from .axes import Axes
from .block_sums import cast
from .reduction import Problem, collapse_piece, draft_reduction

__all__ = ["MAX", "MIN", "NANMAX", "NANMIN", "PTP", "ExtremumKernel", "ExtremumParams"]


class ExtremumParams(Params):
    """Parameters of min, max, ptp, nanmin and nanmax."""

    axis: Axes = Field(None, description="axis or axes to reduce, as 0, -1 or 0,2; all when left out")
    keepdims: bool = Field(False, description="keep reduced axes with length 1")


@dataclass(frozen=True, slots=True)
class ExtremumKernel:
    """Partials are one array per extremum wanted, each of the shape of the kept elements.

    Parameters
    ----------
    names : tuple of str
        "min", "max" or both; with both the result is their difference.
    compute : numpy.dtype
        What elements are compared in: their own dtype, or a wider one where torch has no order for it.
    result : numpy.dtype
    skip_nan : bool
        Leave NaN out; where nothing is left, NaN.
    """

    names: tuple[str, ...]
    compute: np.dtype[Any]
    result: np.dtype[Any]
    skip_nan: bool = False

    @property
    def piece_elements(self) -> int:
        """Nothing is cast: large pieces."""
        return (4 << 20) // self.compute.itemsize

    @property
    def is_exact(self) -> bool:
        """Nothing is rounded; but which zero of -0.0 and 0.0 is kept is a matter of order."""
        return self.compute.kind not in "fc"

    def fold(self, xp: Namespace, piece: Any, axes: tuple[int, ...], origin: Shape) -> tuple[Any, ...]:
        """Return the extrema of a piece."""
        x, reduced = collapse_piece(xp, piece, axes)
        x = cast(xp, x, getattr(xp, self.compute.name))
        return tuple(xp.reshape(_extremum(xp, x, reduced, name, skip_nan=self.skip_nan), (-1,)) for name in self.names)

    def merge(self, left: Partial, right: Partial) -> Partial:
        """Return the extrema of two neighbours."""
        return tuple(_choose(name, self.skip_nan)(a, b) for name, a, b in zip(self.names, left, right, strict=True))

    def finish(self, partial: Partial) -> NDArray[Any]:
        """Return the extremum, or the difference of the two."""
        with np.errstate(all="ignore"):
            answer = partial[0] if len(partial) == 1 else partial[1] - partial[0]
        return np.asarray(answer.astype(self.result))


def _extremum(xp: Namespace, x: Any, axes: tuple[int, ...], name: str, *, skip_nan: bool) -> Any:
    if not axes:
        return x
    if xp is np and skip_nan:
        return _choose(name, skip_nan).reduce(x, axis=axes)
    if not skip_nan:
        return getattr(xp, name)(x, axis=axes)
    missing = xp.isnan(x)
    worst = xp.full_like(x, float("inf") if name == "min" else float("-inf"))
    best = getattr(xp, name)(xp.where(missing, worst, x), axis=axes)
    return xp.where(xp.all(missing, axis=axes), xp.full_like(best, float("nan")), best)


def _choose(name: str, skip_nan: bool) -> np.ufunc:
    if skip_nan:
        return np.fmin if name == "min" else np.fmax
    return np.minimum if name == "min" else np.maximum


def _operation(name: str, summary: str, names: tuple[str, ...], function: Any, *, skip_nan: bool) -> Operation:
    def oracle(arrays: Sequence[NDArray[Any]], params: ExtremumParams) -> NDArray[Any]:
        answer: NDArray[Any] = function(arrays[0], axis=params.axis, keepdims=params.keepdims)
        return answer

    def build(headers: Sequence[ArrayHeader], params: ExtremumParams, limits: Limits) -> Draft:
        compute = compute_dtype("extremum", headers[0].dtype, limits.device, name=headers[0].name)

        def make_kernel(problem: Problem) -> ExtremumKernel:
            return ExtremumKernel(names, compute, problem.result, skip_nan=skip_nan and problem.dtype.kind in "fc")

        return draft_reduction(
            headers[0],
            params,
            limits,
            name=name,
            axis=params.axis,
            keepdims=params.keepdims,
            oracle=oracle,
            make_kernel=make_kernel,
        )

    example = f"arraymill run {name} x.npy --axis 0 -o {name}.npy"
    return Operation(name, summary, example, ("x",), ExtremumParams, build, oracle)


MIN = _operation("min", "Smallest element over axes; NaN propagates", ("min",), np.min, skip_nan=False)
MAX = _operation("max", "Largest element over axes; NaN propagates", ("max",), np.max, skip_nan=False)
PTP = _operation("ptp", "Largest minus smallest element over axes", ("min", "max"), np.ptp, skip_nan=False)
NANMIN = _operation("nanmin", "Smallest element over axes, NaN left out", ("min",), np.nanmin, skip_nan=True)
NANMAX = _operation("nanmax", "Largest element over axes, NaN left out", ("max",), np.nanmax, skip_nan=True)
