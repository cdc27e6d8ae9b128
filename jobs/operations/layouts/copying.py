"""What operations that only move elements share: a kernel that copies, and the blocks and pieces that it copies in.

They run on the host whatever the device is: a GPU moves nothing faster than the disks and the link do.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...blocks import Grid, Region, Shape, row_major_chunks
from ...errors import CannotFitError
from ...headers import ArrayHeader
from ...limits import Limits
from ...stages.kernels import Layout, MapKernel, Namespace
from ...stages.shapes import ConstantStage, Draft, MapStage
from ...stored_chunks import aligned_chunks, stored_chunks

__all__ = ["CopyKernel", "cast_into", "draft_copy", "torch_cast"]

BLOCK_BYTES = 64 << 20
"""Of the widest array, in one task."""
PIECE_BYTES = 4 << 20
"""Of the widest array, in one piece, unless the operation says another size."""

Cut = Callable[[Shape, int], Shape]
"""The chunk shape of at most so many elements that a shape is cut into."""


@dataclass(frozen=True, slots=True)
class CopyKernel:
    """Copies a piece, in the dtype of the output.

    Parameters
    ----------
    dtype : numpy.dtype

    Examples
    --------
    >>> CopyKernel(np.dtype("i2")).apply(np, [np.array([1.5, -2.5])], ((0, 2),))
    array([ 1, -2], dtype=int16)
    """

    dtype: np.dtype[Any]

    def apply(self, xp: Namespace, blocks: Sequence[Any], region: Region) -> Any:
        """Return the piece."""
        if xp is not np:
            return torch_cast(xp, blocks[0], self.dtype)
        out = np.empty(blocks[0].shape, self.dtype)
        cast_into(out, blocks[0])
        return out

    def apply_into(self, blocks: Sequence[NDArray[Any]], out: NDArray[Any], region: Region) -> None:
        """Copy the piece."""
        cast_into(out, blocks[0])


def cast_into(out: NDArray[Any], block: NDArray[Any]) -> None:
    """Copy into `out` as ``astype`` does, without its warnings: the plan has judged the cast.

    >>> out = np.empty(2, "f4")
    >>> cast_into(out, np.array([1 + 2j, 3]))
    >>> out
    array([1., 3.], dtype=float32)
    """
    is_cut = block.dtype.kind == "c" and out.dtype.kind in "iuf"
    np.copyto(out, block.real if is_cut else block, casting="unsafe")


def torch_cast(xp: Namespace, block: Any, dtype: np.dtype[Any]) -> Any:
    """Return a tensor in a dtype of NumPy's; of a complex one that is cast to reals the real part."""
    is_cut = block.is_complex() and dtype.kind in "iuf"
    return xp.astype(block.real if is_cut else block, getattr(xp, dtype.name))


def draft_copy(
    headers: Sequence[ArrayHeader],
    output: ArrayHeader,
    limits: Limits,
    *,
    kernel: MapKernel,
    layout: Layout | None = None,
    cut: Cut = row_major_chunks,
    piece_bytes: int = PIECE_BYTES,
    is_reversed: bool | None = None,
    is_flat: bool = False,
    notes: tuple[str, ...] = (),
) -> Draft:
    """Return the draft of a map stage that moves every element once.

    Parameters
    ----------
    headers : sequence of ArrayHeader
        The inputs', each element of which is used once.
    output : ArrayHeader
    limits : Limits
    kernel : MapKernel
    layout : Layout, optional
    cut : callable
        Makes blocks of the output's shape, and pieces of the blocks'.
    piece_bytes : int
        Of the widest array, in one piece.
    is_reversed : bool, optional
        Every array is taken with its axes reversed, and `layout`, `kernel` and `cut` see it so; by default where the
        output is in Fortran order.
    is_flat : bool
        The inputs are taken as one row of elements.
    notes : tuple of str

    Raises
    ------
    CannotFitError
        If not one element fits.
    """
    if output.size == 0:
        empty = np.empty(output.shape, output.dtype)
        return Draft(ConstantStage(empty), output, flops=0, task_host_bytes=0, read_bytes=0, notes=notes)
    reverse = output.order == "F" if is_reversed is None else is_reversed
    shape = output.shape[::-1] if reverse else output.shape
    widest_input = max(header.dtype.itemsize for header in headers)
    widest, each = max(widest_input, output.dtype.itemsize), widest_input + output.dtype.itemsize
    allowed = limits.task_host_bytes // each
    if not allowed:
        raise CannotFitError(
            "one element does not fit in memory",
            cause=f"a task may take {limits.task_host_bytes} bytes",
            next="raise --memory",
        )
    largest = max((limits.block_bytes or BLOCK_BYTES) // widest, 1)
    # what is turned, joined or taken as one row has blocks of its own
    is_plain = layout is None and cut is row_major_chunks and not is_flat and len(headers) == 1
    chunks = (_stored_blocks(headers[0], shape, largest, reverse) if is_plain else None) or cut(shape, largest)
    pieces = cut(chunks, max(min(piece_bytes // widest, allowed), 1))
    stage = MapStage(
        kernel,
        Grid(shape, chunks),
        pieces,
        tuple(header.shape[::-1] if reverse else header.shape for header in headers),
        reverse=reverse,
        layout=layout,
        on_host=True,
        is_flat=is_flat,
    )
    return Draft(
        stage,
        output,
        flops=0,
        task_host_bytes=math.prod(pieces) * each,
        read_bytes=sum(header.nbytes for header in headers),
        notes=notes,
    )


def _stored_blocks(header: ArrayHeader, shape: Shape, largest: int, reverse: bool) -> Shape | None:
    stored = stored_chunks([header], shape, reverse=reverse)
    return None if stored is None else aligned_chunks(stored, largest)
