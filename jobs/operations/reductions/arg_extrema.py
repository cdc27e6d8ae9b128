"""argmin, argmax and their nan forms: the first index in C order, NaN first of all, as in NumPy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ...blocks import Shape
from ...dtypes import compute_dtype
from ...errors import SpecError
from ...headers import ArrayHeader
from ...limits import Limits
from ...stages.kernels import Namespace, Partial
from ...stages.shapes import Draft
from ..operation import Operation, Params
from .axes import Axis
from .block_sums import cast
from .reduction import Problem, draft_reduction

__all__ = ["ARGMAX", "ARGMIN", "NANARGMAX", "NANARGMIN", "ArgParams", "ArgumentKernel", "NanArgumentKernel"]


class ArgParams(Params):
    """Parameters of argmin, argmax, nanargmin and nanargmax."""

    axis: Axis = Field(None, description="the axis to search along; the flattened array when left out")
    keepdims: bool = Field(False, description="keep the searched axis with length 1")


@dataclass(frozen=True, slots=True)
class ArgumentKernel:
    """Partials are ``(values, indices)``, of the shape of the kept elements; indices are the user's, in C order.

    Parameters
    ----------
    name : {"min", "max"}
    compute : numpy.dtype
        What elements are compared in: their own dtype, or a wider one where torch has no order for it.
    shape : tuple of int
        Of the input, in memory order.
    axes : tuple of int
        One axis, or all.
    reverse : bool
        Memory order is the reverse of the user's order, so that the first index in memory need not be the user's first.
    skip_nan : bool
        Leave NaN out.
    """

    name: str
    compute: np.dtype[Any]
    shape: Shape
    axes: tuple[int, ...]
    reverse: bool
    skip_nan: bool = False

    @property
    def piece_elements(self) -> int:
        """Nothing is cast: large pieces."""
        return (2 << 20) // self.compute.itemsize

    @property
    def is_exact(self) -> bool:
        """The first of the best, wherever it is cut."""
        return True

    def fold(self, xp: Namespace, piece: Any, axes: tuple[int, ...], origin: Shape) -> tuple[Any, ...]:
        """Return the best values of a piece and where they are in the whole array."""
        x = self._in_user_order(xp, piece, axes)
        x = cast(xp, x, getattr(xp, self.compute.name))
        if self.skip_nan:
            x = xp.where(xp.isnan(x), xp.full_like(x, float("inf" if self.name == "min" else "-inf")), x)
        where = xp.argmin(x, axis=1) if self.name == "min" else xp.argmax(x, axis=1)
        values = x[xp.arange(x.shape[0], **({} if xp is np else {"device": x.device})), where]
        return values, self._global(xp, where, tuple(piece.shape), origin)

    def merge(self, left: Partial, right: Partial) -> Partial:
        """Return the better of two neighbours, the one of the lower index where they are equal."""
        (value_a, index_a), (value_b, index_b) = left, right
        with np.errstate(invalid="ignore"):
            better = value_b < value_a if self.name == "min" else value_b > value_a
        nan_a, nan_b = np.isnan(value_a), np.isnan(value_b)
        tie = (value_a == value_b) | (nan_a & nan_b)
        take = np.where(tie, index_b < index_a, (better & ~nan_a) | (nan_b & ~nan_a))
        return np.where(take, value_b, value_a), np.where(take, index_b, index_a)

    def finish(self, partial: Partial) -> NDArray[Any]:
        """Return the indices.

        Raises
        ------
        SpecError
            When everything along an axis is NaN, in NumPy's words.
        """
        return partial[1].astype(np.intp)

    def _in_user_order(self, xp: Namespace, piece: Any, axes: tuple[int, ...]) -> Any:
        """Return the piece as (kept, searched), the searched elements in the order of the user's indices."""
        if len(axes) == piece.ndim:
            if self.reverse and piece.ndim > 1:
                piece = xp.permute_dims(piece, tuple(reversed(range(piece.ndim))))
            return xp.reshape(piece, (1, -1))
        (axis,) = axes
        return xp.reshape(xp.moveaxis(piece, axis, -1), (-1, piece.shape[axis]))

    def _global(self, xp: Namespace, where: Any, shape: Shape, origin: Shape) -> Any:
        """Return positions within a piece as positions in the whole array."""
        if len(self.axes) != len(self.shape):
            return where + origin[self.axes[0]]
        total = xp.zeros_like(where)
        step = math.prod(self.shape)
        order = range(len(shape) - 1, -1, -1) if self.reverse else range(len(shape))
        inner = math.prod(shape)
        for axis in order:
            step //= self.shape[axis]
            inner //= shape[axis]
            total = total + (where // inner % shape[axis] + origin[axis]) * step
        return total


@dataclass(frozen=True, slots=True)
class NanArgumentKernel(ArgumentKernel):
    """As ArgumentKernel, with NaN taken as the worst value; partials tell in a third array where there is another."""

    def fold(self, xp: Namespace, piece: Any, axes: tuple[int, ...], origin: Shape) -> tuple[Any, ...]:
        """Return the best values, where they are, and whether there is one that is not NaN."""
        found = xp.any(~xp.isnan(self._in_user_order(xp, piece, axes)), axis=1)
        return *ArgumentKernel.fold(self, xp, piece, axes, origin), found

    def merge(self, left: Partial, right: Partial) -> Partial:
        """Return the better of two neighbours."""
        return *ArgumentKernel.merge(self, left[:2], right[:2]), left[2] | right[2]

    def finish(self, partial: Partial) -> NDArray[Any]:
        """Return the indices, or refuse an all-NaN slice as NumPy does."""
        if not partial[2].all():
            raise SpecError(
                "All-NaN slice encountered",
                cause="along the searched axis every element is NaN, so there is no index to return",
                safe="nothing was written",
                next="use argmin or argmax, which point at the NaN, or fill the NaN first",
            )
        return ArgumentKernel.finish(self, partial)


def _operation(name: str, summary: str, which: str, function: Any, *, skip_nan: bool) -> Operation:
    def oracle(arrays: Sequence[NDArray[Any]], params: ArgParams) -> NDArray[Any]:
        return np.asarray(function(arrays[0], axis=params.axis, keepdims=params.keepdims))

    def build(headers: Sequence[ArrayHeader], params: ArgParams, limits: Limits) -> Draft:
        compute = compute_dtype("extremum", headers[0].dtype, limits.device, name=headers[0].name)

        def make_kernel(problem: Problem) -> ArgumentKernel:
            if skip_nan and problem.dtype.kind in "fc":
                return NanArgumentKernel(which, compute, problem.shape, problem.axes, problem.reverse, skip_nan=True)
            return ArgumentKernel(which, compute, problem.shape, problem.axes, problem.reverse)

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

    example = f"arraymill run {name} x.npy --axis 1 -o {name}.npy"
    return Operation(name, summary, example, ("x",), ArgParams, build, oracle)


ARGMIN = _operation("argmin", "Index of the smallest element; ties: the first", "min", np.argmin, skip_nan=False)
ARGMAX = _operation("argmax", "Index of the largest element; ties: the first", "max", np.argmax, skip_nan=False)
NANARGMIN = _operation("nanargmin", "Index of the smallest, NaN left out", "min", np.nanargmin, skip_nan=True)
NANARGMAX = _operation("nanargmax", "Index of the largest, NaN left out", "max", np.nanargmax, skip_nan=True)
