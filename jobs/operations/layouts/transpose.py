"""`transpose`: the axes in another order, laid out anew in C order, tile by tile.

A tile is as long along the axes that are contiguous in the input as along those that are in the output, so that it is
read and written in runs of thousands of elements (``numpy.transpose`` only looks at the same memory in another way):

::

    input  (m, n)     . # # # .       output (n, m)    . . .      a tile of a x b elements: b runs of a are read,
                      . # # # .                        # # .      a runs of b are written
                      . . . . .                        # # .
                                                       # # .
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ...blocks import Region, Shape, even_chunk
from ...dtypes import refuse_dtype
from ...headers import ArrayHeader
from ...limits import Limits
from ...stages.kernels import Namespace
from ...stages.shapes import Draft
from ..operation import Operation, Params, ask_numpy
from .copying import draft_copy
from .turning import turn_into

__all__ = ["TRANSPOSE", "TransposeKernel", "TransposeLayout", "TransposeParams", "tile_shape"]

_PIECE_BYTES = 16 << 20
"""2048 x 2048 float32: runs of 8 KiB both ways."""


class TransposeParams(Params):
    """Parameters of `transpose`."""

    axes: tuple[int, ...] | None = Field(
        None, description="which axis of the input each axis of the result is; by default they are reversed"
    )


@dataclass(frozen=True, slots=True)
class TransposeLayout:
    """What of the input a region of the output is made of.

    Parameters
    ----------
    axes : tuple of int
        Which axis of the input each axis of the output is.

    Examples
    --------
    >>> TransposeLayout((2, 0, 1)).regions(((0, 1), (2, 3), (4, 5)))
    (((2, 3), (4, 5), (0, 1)),)
    """

    axes: tuple[int, ...]

    def regions(self, region: Region) -> tuple[Region, ...]:
        """Return the region of the input."""
        bounds = dict(zip(self.axes, region, strict=True))
        return (tuple(bounds[axis] for axis in range(len(region))),)


@dataclass(frozen=True, slots=True)
class TransposeKernel:
    """Turns a piece."""

    axes: tuple[int, ...]

    def apply(self, xp: Namespace, blocks: Sequence[Any], region: Region) -> Any:
        """Return the piece with its axes in their new order."""
        if xp is not np:
            return xp.permute_dims(blocks[0], self.axes)
        return blocks[0].transpose(self.axes)

    def apply_into(self, blocks: Sequence[NDArray[Any]], out: NDArray[Any], region: Region) -> None:
        """Write the piece with its axes in their new order."""
        turn_into(blocks[0].transpose(self.axes), out)


def tile_shape(shape: Shape, largest: int, *, read_order: Sequence[int], write_order: Sequence[int]) -> Shape:
    """Return the shape of tiles of at most `largest` elements that are read and written in long runs.

    Parameters
    ----------
    shape : tuple of int
        Of the output.
    largest : int
    read_order, write_order : sequence of int
        The axes of the output, those along which the input (the output) is contiguous first.

    Returns
    -------
    tuple of int

    Notes
    -----
    The tile grows along the shorter of the two runs, until it is full.

    Examples
    --------
    >>> tile_shape((1000, 1000), 1 << 16, read_order=(0, 1), write_order=(1, 0))
    (250, 250)
    >>> tile_shape((3, 1000, 1000), 1 << 16, read_order=(0, 2, 1), write_order=(2, 1, 0))
    (3, 16, 1000)
    """
    tile = [1] * len(shape)

    def run(order: Sequence[int]) -> tuple[int, int | None]:
        """Return the length of the runs along an order, and the axis that makes them longer."""
        length = 1
        for axis in order:
            length *= tile[axis]
            if tile[axis] < shape[axis]:
                return length, axis
        return length, None

    while True:
        growing = sorted((length, axis) for length, axis in (run(read_order), run(write_order)) if axis is not None)
        for _, axis in growing:
            longer = min(2 * tile[axis], shape[axis])
            if math.prod(tile) // tile[axis] * longer <= largest:
                tile[axis] = longer
                break
        else:
            return tuple(even_chunk(n, length) for n, length in zip(shape, tile, strict=True))


def _build(headers: Sequence[ArrayHeader], params: TransposeParams, limits: Limits) -> Draft:
    (header,) = headers
    refuse_dtype(header.name, header.dtype)
    axes = _checked_axes(header.ndim, params)
    output = ArrayHeader("output", tuple(header.shape[axis] for axis in axes), header.dtype.newbyteorder("="))
    places = {axis: place for place, axis in enumerate(axes)}
    contiguous_first = range(header.ndim) if header.order == "F" else reversed(range(header.ndim))
    cut = partial(
        tile_shape,
        read_order=[places[axis] for axis in contiguous_first],
        write_order=range(header.ndim)[::-1],
    )
    return draft_copy(
        headers,
        output,
        limits,
        kernel=TransposeKernel(axes),
        layout=TransposeLayout(axes),
        cut=cut,
        piece_bytes=_PIECE_BYTES,
    )


def _checked_axes(ndim: int, params: TransposeParams) -> tuple[int, ...]:
    """Return the axes that NumPy takes, none of them negative."""
    ask_numpy(_oracle, [np.empty((1,) * ndim)], params, what="transpose")
    axes = range(ndim)[::-1] if params.axes is None else params.axes
    return tuple(axis % ndim for axis in axes)


def _oracle(arrays: Sequence[NDArray[Any]], params: TransposeParams) -> NDArray[Any]:
    return np.transpose(arrays[0], params.axes)


TRANSPOSE = Operation(
    name="transpose",
    summary="The axes in another order, laid out anew in C order",
    example="arraymill run transpose x.npy --axes 1,0,2 -o y.npy",
    inputs=("x",),
    params=TransposeParams,
    build=_build,
    oracle=_oracle,
)
