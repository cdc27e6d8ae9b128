"""diff: differences of neighbours along an axis, as `numpy.diff`, whose bits they have: every step is one operation.

Unsigned integers wrap; booleans differ where they are not equal. A piece of the output is made of `n` more elements
along the axis than it has itself.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ...blocks import Grid, Region, Shape, ceil_div, region_shape, row_major_chunks, whole_region
from ...dtypes import refuse_dtype
from ...errors import CannotFitError, SpecError
from ...headers import ArrayHeader
from ...limits import Limits, room_advice
from ...sizes import format_bytes
from ...stages.kernels import Namespace
from ...stages.shapes import ConstantStage, Draft, MapStage
from ...workspace import thread_workspace
from ..operation import Operation, Params
from ..reductions.axes import OneAxis, normalize_axes

__all__ = ["DIFF", "DiffKernel", "DiffParams", "LongerAxis"]

_BLOCK_BYTES = {"cpu": 64 << 20, "cuda": 1 << 30}
_PIECE_BYTES = {"cpu": 2 << 20, "cuda": 64 << 20}
_LEAST_TIMES_N = 16
"""A piece is at least so many times as long as what it reads twice, where memory allows."""
_SIGNED = {2: "int16", 4: "int32", 8: "int64"}
"""Of the size of unsigned integers that torch does not subtract: the same bits modulo a power of 2."""


class DiffParams(Params):
    """Parameters of diff."""

    n: int = Field(1, description="how many times differences are taken")
    axis: OneAxis = Field(-1, description="axis along which neighbours are subtracted")


@dataclass(frozen=True, slots=True)
class LongerAxis:
    """A region of the output is made of the same region of the input, `more` elements longer along one axis.

    Examples
    --------
    >>> LongerAxis(0, 2).regions(((3, 5), (0, 4)))
    (((3, 7), (0, 4)),)
    """

    axis: int
    more: int

    def regions(self, region: Region) -> tuple[Region, ...]:
        """Return the region of the input."""
        start, stop = region[self.axis]
        return ((*region[: self.axis], (start, stop + self.more), *region[self.axis + 1 :]),)


@dataclass(frozen=True, slots=True)
class DiffKernel:
    """The work on one piece.

    Examples
    --------
    >>> DiffKernel(0, 2).apply(np, [np.array([1, 2, 4, 8])], ((0, 2),))
    array([1, 2])
    """

    axis: int
    n: int

    def apply(self, xp: Namespace, blocks: Sequence[Any], region: Region) -> Any:
        """Return the output piece of the input's piece, which it never writes to."""
        (x,) = blocks
        if xp is np:
            out = np.empty(region_shape(region), x.dtype)
            self.apply_into(blocks, out, region)
            return out
        dtype = x.dtype
        if dtype in (xp.uint16, xp.uint32, xp.uint64):
            x = x.view(getattr(xp, _SIGNED[dtype.itemsize]))
        is_complex = xp.isdtype(dtype, "complex floating")
        # torch multiplies complex numbers by alpha=1 before it subtracts them, which makes NaN of infinite ones
        x = xp.view_as_real(x) if is_complex else x
        for _ in range(self.n):
            later, earlier = self._neighbours(x)
            x = later != earlier if dtype == xp.bool else later - earlier
        if is_complex:
            return xp.view_as_complex(x.contiguous())
        return x if x.dtype == dtype else x.view(dtype)

    def apply_into(self, blocks: Sequence[NDArray[Any]], out: NDArray[Any], region: Region) -> None:
        """Write the output piece of a NumPy array into `out`."""
        (x,) = blocks
        if self.n == 0:
            np.copyto(out, x)
            return
        subtract = np.not_equal if x.dtype == np.bool else np.subtract
        workspace = thread_workspace()
        for number in range(self.n - 1):
            later, earlier = self._neighbours(x)
            x = subtract(later, earlier, out=workspace.take(f"kernel-diff{number % 2}", later.shape, x.dtype))
        subtract(*self._neighbours(x), out=out)

    def _neighbours(self, x: Any) -> tuple[Any, Any]:
        before = (slice(None),) * self.axis
        return x[(*before, slice(1, None))], x[(*before, slice(None, -1))]


def _build(headers: Sequence[ArrayHeader], params: DiffParams, limits: Limits) -> Draft:
    (header,) = headers
    refuse_dtype(header.name, header.dtype)
    axis = _checked_axis(header, params)
    shape = header.shape
    if params.n:
        shape = (*shape[:axis], max(shape[axis] - params.n, 0), *shape[axis + 1 :])
    output = ArrayHeader("output", shape, header.dtype.newbyteorder("="), header.order)
    if output.size == 0:
        return Draft(ConstantStage(np.empty(shape, output.dtype)), output, flops=0, task_host_bytes=0, read_bytes=0)
    kernel = DiffKernel(header.ndim - 1 - axis if header.order == "F" else axis, params.n)
    stage = _stage(header, output, kernel, limits)
    in_bytes, out_bytes = (
        _input_elements(stage) * output.dtype.itemsize,
        math.prod(stage.pieces) * output.dtype.itemsize,
    )
    return Draft(
        stage,
        output,
        flops=params.n * output.size,
        task_host_bytes=in_bytes + out_bytes + stage.temporaries,
        task_device_bytes=in_bytes + 3 * out_bytes if limits.device == "cuda" else 0,
        read_bytes=_read_bytes(stage, kernel, header),
    )


def _checked_axis(header: ArrayHeader, params: DiffParams) -> int:
    if params.n < 0:
        raise SpecError(f"diff: n is {params.n}, and differences are taken 0 times or more", next="give --n 1")
    if params.n == 0:
        return 0  # NumPy returns the input, whatever the axis
    if header.ndim == 0:
        raise SpecError("diff: a single number has no neighbours", cause=f"{header.name} has no axes")
    (axis,) = normalize_axes(params.axis, header.ndim)
    return axis


def _stage(header: ArrayHeader, output: ArrayHeader, kernel: DiffKernel, limits: Limits) -> MapStage:
    reverse, n, itemsize = header.order == "F", kernel.n, output.dtype.itemsize
    shape, operand = (output.T.shape, header.T.shape) if reverse else (output.shape, header.shape)
    # twice the operand and the result, as one piece may be read while another is worked on, and two temporaries
    allowed = (limits.task_device_bytes if limits.device == "cuda" else limits.task_host_bytes) // (10 * itemsize)
    in_block = (limits.block_bytes or _BLOCK_BYTES[limits.device]) // itemsize
    chunks = _chunks(shape, kernel, max(in_block, 1))
    pieces = _chunks(chunks, kernel, max(min(in_block, _PIECE_BYTES[limits.device] // itemsize, allowed), 1))
    layout = LongerAxis(kernel.axis, n) if n else None
    stage = MapStage(kernel, Grid(shape, chunks), pieces, (operand,), 0, reverse, layout)
    in_bytes = _input_elements(stage) * itemsize
    if in_bytes > max(4 * allowed * itemsize, 1 << 10):
        raise CannotFitError(
            f"diff: {n + 1} neighbours at once do not fit in memory",
            cause=f"they take {format_bytes(in_bytes)}, and a task may take {format_bytes(limits.task_host_bytes)}",
            safe="nothing was read or written",
            next=room_advice(limits, ceil_div(5 * in_bytes, 2), "take fewer differences at once (--n)"),
        )
    return replace(stage, temporaries=2 * in_bytes if n > 1 else 0)


def _chunks(shape: Shape, kernel: DiffKernel, largest: int) -> Shape:
    """Return a chunk shape of about `largest` elements, long enough along the axis that little is read twice."""
    chunks = row_major_chunks(shape, largest)
    if not kernel.n:
        return chunks
    least = min(shape[kernel.axis], _LEAST_TIMES_N * kernel.n, largest)
    if chunks[kernel.axis] >= least:
        return chunks
    before, after = shape[: kernel.axis], shape[kernel.axis + 1 :]
    others = row_major_chunks((*before, *after), max(largest // least, 1))
    return (*others[: kernel.axis], least, *others[kernel.axis :])


def _input_elements(stage: MapStage) -> int:
    """Return the elements that a whole piece reads."""
    return math.prod(region_shape(stage.operand_regions(whole_region(stage.pieces))[0]))


def _read_bytes(stage: MapStage, kernel: DiffKernel, header: ArrayHeader) -> int:
    """Return the bytes read: neighbours beyond the end of a piece are read again by the next."""
    if not kernel.n:
        return header.nbytes
    again = ceil_div(stage.grid.shape[kernel.axis], stage.pieces[kernel.axis]) - 1
    return header.nbytes + again * kernel.n * (header.nbytes // stage.operands[0][kernel.axis])


DIFF = Operation(
    name="diff",
    summary="Differences of neighbours along an axis",
    example="arraymill run diff x.npy --axis 0 -o diff.npy",
    inputs=("x",),
    params=DiffParams,
    build=_build,
    oracle=lambda arrays, params: np.diff(arrays[0], params.n, params.axis),
)
