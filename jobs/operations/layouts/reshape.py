"""`reshape`: the same elements in C order, in another shape."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ...blocks import Region, Shape, region_shape
from ...dtypes import refuse_dtype
from ...errors import SpecError
from ...headers import ArrayHeader
from ...limits import Limits
from ...stages.kernels import Namespace
from ...stages.shapes import Draft
from ..operation import Operation, Params
from .copying import PIECE_BYTES, draft_copy

__all__ = ["RESHAPE", "ReshapeKernel", "ReshapeLayout", "ReshapeParams"]


_ACROSS_BYTES = 64 << 20
"""Of a piece that is read across the memory order: the longer it is, the longer are the runs."""
_MOST_AXES = 64
"""NumPy's."""


class ReshapeParams(Params):
    """Parameters of `reshape`."""

    shape: tuple[int, ...] = Field(description="shape of the result; one length may be -1 and is worked out")
    order: Literal["C", "F"] = Field(
        "C", description="in which order elements are taken and laid out: C, the last axis fastest; F, the first"
    )


@dataclass(frozen=True, slots=True)
class ReshapeLayout:
    """The range of the input's elements, counted in C order, that holds a region of the output.

    Parameters
    ----------
    shape : tuple of int
        Of the output.

    Examples
    --------
    >>> ReshapeLayout((4, 5)).regions(((1, 3), (0, 5))), ReshapeLayout((4, 5)).regions(((1, 3), (2, 3)))
    ((((5, 15),),), (((7, 13),),))
    """

    shape: Shape

    def regions(self, region: Region) -> tuple[Region, ...]:
        """Return the range, as a region of one axis."""
        strides = _strides(self.shape)
        first = sum(start * stride for (start, _), stride in zip(region, strides, strict=True))
        last = sum((stop - 1) * stride for (_, stop), stride in zip(region, strides, strict=True))
        return (((first, last + 1),),)


@dataclass(frozen=True, slots=True)
class ReshapeKernel:
    """Takes a region of the output out of the range that holds it.

    Parameters
    ----------
    shape : tuple of int
        Of the output.
    """

    shape: Shape

    def apply(self, xp: Namespace, blocks: Sequence[Any], region: Region) -> Any:
        """Return the region."""
        (row,) = blocks
        extents = region_shape(region)
        if row.shape[0] == math.prod(extents):
            return row.reshape(extents)
        strides = _strides(self.shape)
        if xp is not np:
            return row.contiguous().as_strided(extents, strides)
        steps = [stride * row.strides[0] for stride in strides]
        return np.lib.stride_tricks.as_strided(row, extents, steps, writeable=False)

    def apply_into(self, blocks: Sequence[NDArray[Any]], out: NDArray[Any], region: Region) -> None:
        """Copy the region."""
        np.copyto(out, self.apply(np, blocks, region))


def _strides(shape: Shape) -> tuple[int, ...]:
    """Return how many elements apart neighbours along each axis are in C order."""
    return tuple(math.prod(shape[axis + 1 :]) for axis in range(len(shape)))


def _build(headers: Sequence[ArrayHeader], params: ReshapeParams, limits: Limits) -> Draft:
    (header,) = headers
    refuse_dtype(header.name, header.dtype)
    shape = _checked_shape(header, params.shape)
    output = ArrayHeader("output", shape, header.dtype.newbyteorder("="), params.order if len(shape) > 1 else "C")
    is_reversed = params.order == "F"
    seen = shape[::-1] if is_reversed else shape
    is_across = header.ndim > 1 and header.order != params.order
    return draft_copy(
        headers,
        output,
        limits,
        kernel=ReshapeKernel(seen),
        layout=ReshapeLayout(seen),
        piece_bytes=_ACROSS_BYTES if is_across else PIECE_BYTES,
        is_reversed=is_reversed,
        is_flat=True,
        notes=(f"{header.name} lies in {header.order} order and is read in {params.order} order: in short runs",)
        if is_across
        else (),
    )


def _checked_shape(header: ArrayHeader, wanted: tuple[int, ...]) -> Shape:
    """Return the shape of the result, with the length in the place of -1 worked out."""
    unknown = wanted.count(-1)
    known = math.prod(n for n in wanted if n != -1)
    is_shape = unknown <= 1 and min(wanted, default=0) >= -1 and len(wanted) <= _MOST_AXES
    fits = known == header.size if not unknown else known > 0 and header.size % known == 0
    if is_shape and fits:
        return tuple(header.size // known if n == -1 else n for n in wanted)
    raise SpecError(
        f"{header.name}: cannot be reshaped to {wanted}",
        cause=f"it has {header.size} elements, of shape {header.shape}",
        next="name a shape of as many elements; one length may be -1",
    )


def _oracle(arrays: Sequence[NDArray[Any]], params: ReshapeParams) -> NDArray[Any]:
    return np.reshape(arrays[0], params.shape, order=params.order)


RESHAPE = Operation(
    name="reshape",
    summary="The same elements in another shape",
    example="arraymill run reshape x.npy --shape 100,-1 -o y.npy",
    inputs=("x",),
    params=ReshapeParams,
    build=_build,
    oracle=_oracle,
)
