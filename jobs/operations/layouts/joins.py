"""`concatenate` and `stack`: several arrays as one, along an axis that they have or along a new one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ...blocks import Region, Shape
from ...dtypes import refuse_dtype
from ...errors import SpecError
from ...headers import ArrayHeader, Order
from ...limits import Limits
from ...stages.kernels import Namespace
from ...stages.shapes import Draft
from ..operation import Operation, Params
from .copying import cast_into, draft_copy, torch_cast

__all__ = ["CONCATENATE", "STACK", "JoinKernel", "JoinLayout", "JoinParams"]


class JoinParams(Params):
    """Parameters of `concatenate` and `stack`."""

    axis: int = Field(0, description="the axis along which the inputs are joined; of stack, the place of the new axis")


@dataclass(frozen=True, slots=True)
class JoinLayout:
    """What of each input a region of the output is made of: nothing of most where they are many.

    Parameters
    ----------
    axis : int
        Of the output, not negative.
    bounds : tuple of int
        Where each input begins along the axis, and the end.
    is_stack : bool
        The inputs do not have the axis.

    Examples
    --------
    >>> JoinLayout(0, (0, 3, 5), False).regions(((2, 4), (0, 7)))
    (((2, 3), (0, 7)), ((0, 1), (0, 7)))
    """

    axis: int
    bounds: tuple[int, ...]
    is_stack: bool

    def regions(self, region: Region) -> tuple[Region, ...]:
        """Return the region of each input."""
        before, after = region[: self.axis], region[self.axis + 1 :]
        return tuple(
            (*before, *self._own(part), *after) if part[0] < part[1] else self._nothing(region)
            for part in self.parts(region[self.axis])
        )

    def parts(self, bounds: tuple[int, int]) -> list[tuple[int, int]]:
        """Return what of a stretch of the axis lies in each input, counted from its own beginning."""
        start, stop = bounds
        ends = zip(self.bounds, self.bounds[1:], strict=False)
        common = [(max(start, first), min(stop, end), first) for first, end in ends]
        return [(low - first, high - first) if low < high else (0, 0) for low, high, first in common]

    def _own(self, part: tuple[int, int]) -> Region:
        return () if self.is_stack else (part,)

    def _nothing(self, region: Region) -> Region:
        return tuple((0, 0) for _ in range(len(region) - self.is_stack))


@dataclass(frozen=True, slots=True)
class JoinKernel:
    """Puts the pieces of the inputs in their places.

    Parameters
    ----------
    layout : JoinLayout
    dtype : numpy.dtype
        Of the output.
    """

    layout: JoinLayout
    dtype: np.dtype[Any]

    def apply(self, xp: Namespace, blocks: Sequence[Any], region: Region) -> Any:
        """Return the pieces as one."""
        if xp is np:
            out = np.empty([stop - start for start, stop in region], self.dtype)
            self.apply_into(blocks, out, region)
            return out
        axis = self.layout.axis
        parts = self.layout.parts(region[axis])
        used = [torch_cast(xp, blocks[i], self.dtype) for i, (start, stop) in enumerate(parts) if start < stop]
        return xp.stack(used, axis=axis) if self.layout.is_stack else xp.concat(used, axis=axis)

    def apply_into(self, blocks: Sequence[NDArray[Any]], out: NDArray[Any], region: Region) -> None:
        """Write the pieces side by side."""
        place = 0
        for block, (start, stop) in zip(blocks, self.layout.parts(region[self.layout.axis]), strict=True):
            if start == stop:
                continue
            own = slice(place, place + stop - start)
            where = out[(*(slice(None),) * self.layout.axis, own)]
            cast_into(where, np.expand_dims(block, self.layout.axis) if self.layout.is_stack else block)
            place += stop - start


def _build_join(headers: Sequence[ArrayHeader], params: JoinParams, limits: Limits, *, is_stack: bool) -> Draft:
    for header in headers:
        refuse_dtype(header.name, header.dtype)
    shape, axis = _joined_shape(headers, params.axis, is_stack)
    dtype = np.result_type(*(header.dtype.newbyteorder("=") for header in headers))
    order: Order = "F" if len(shape) > 1 and all(header.order == "F" for header in headers) else "C"
    bounds = (0, *accumulate(1 if is_stack else header.shape[axis] for header in headers))
    layout = JoinLayout(len(shape) - 1 - axis if order == "F" else axis, bounds, is_stack)
    output = ArrayHeader("output", shape, dtype, order)
    return draft_copy(headers, output, limits, kernel=JoinKernel(layout, dtype), layout=layout)


def _joined_shape(headers: Sequence[ArrayHeader], axis: int, is_stack: bool) -> tuple[Shape, int]:
    """Return the shape of the whole, and the axis counted from the beginning."""
    first, ndim = headers[0], headers[0].ndim + is_stack
    name = "stack" if is_stack else "concatenate"
    if not -ndim <= axis < ndim:
        raise SpecError(
            f"{name}: axis {axis} is out of bounds",
            cause=f"{first.name} has {first.ndim} axes",
            next=f"take --axis from {-ndim} to {ndim - 1}"
            if ndim
            else "stack arrays without axes: arraymill run stack",
        )
    axis %= ndim
    for header in headers[1:]:
        rests = [h.shape if is_stack else h.shape[:axis] + h.shape[axis + 1 :] for h in (first, header)]
        if header.ndim != first.ndim or rests[0] != rests[1]:
            raise SpecError(
                f"{name}: {header.name} does not fit {first.name}",
                cause=f"their shapes are {header.shape} and {first.shape}"
                + ("" if is_stack else f"; only axis {axis} may differ"),
                next="give all inputs the same shape" + ("" if is_stack else f", but for axis {axis}"),
            )
    length = len(headers) if is_stack else sum(header.shape[axis] for header in headers)
    return (*first.shape[:axis], length, *first.shape[axis if is_stack else axis + 1 :]), axis


def _build_concatenate(headers: Sequence[ArrayHeader], params: JoinParams, limits: Limits) -> Draft:
    return _build_join(headers, params, limits, is_stack=False)


def _build_stack(headers: Sequence[ArrayHeader], params: JoinParams, limits: Limits) -> Draft:
    return _build_join(headers, params, limits, is_stack=True)


def _concatenate_numpy(arrays: Sequence[NDArray[Any]], params: JoinParams) -> NDArray[Any]:
    return np.concatenate(arrays, axis=params.axis)


def _stack_numpy(arrays: Sequence[NDArray[Any]], params: JoinParams) -> NDArray[Any]:
    return np.stack(arrays, axis=params.axis)


CONCATENATE = Operation(
    name="concatenate",
    summary="Arrays one after another, along an axis",
    example="arraymill run concatenate a.npy b.npy --axis 0 -o ab.npy",
    inputs=("x",),
    params=JoinParams,
    build=_build_concatenate,
    oracle=_concatenate_numpy,
    variadic=True,
)

STACK = Operation(
    name="stack",
    summary="Arrays of one shape, along a new axis",
    example="arraymill run stack a.npy b.npy --axis 0 -o ab.npy",
    inputs=("x",),
    params=JoinParams,
    build=_build_stack,
    oracle=_stack_numpy,
    variadic=True,
)
