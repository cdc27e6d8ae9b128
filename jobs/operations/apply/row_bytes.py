"""Takes one output out of rows of bytes, into which `apply` writes several outputs side by side: a step of its chain.

Bytes rather than records, because torch has no records: the rows may come from a GPU.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...blocks import Grid, Region, Shape, as_slices
from ...headers import ArrayHeader
from ...limits import Limits
from ...stages.kernels import Namespace
from ...stages.shapes import ConstantStage, Draft, MapStage
from ..operation import Operation, Params

__all__ = ["ROW_BYTES", "RowBytesKernel", "RowBytesLayout", "RowBytesParams"]

_BLOCK_BYTES, _PIECE_BYTES = 64 << 20, 4 << 20


class RowBytesParams(Params):
    """Which bytes of each row, and what they are."""

    offset: int
    dtype: str
    shape: tuple[int, ...]

    @property
    def nbytes(self) -> int:
        """Bytes of a row."""
        return np.dtype(self.dtype).itemsize * math.prod(self.shape)


@dataclass(frozen=True, slots=True)
class RowBytesLayout:
    """The bytes of an output are next to each other in each row.

    Parameters
    ----------
    offset, stop : int
        The first of them, and the one behind the last.
    """

    offset: int
    stop: int

    def regions(self, region: Region) -> tuple[Region, ...]:
        """Return the bytes that rows are made of: those of whole rows.

        >>> RowBytesLayout(8, 20).regions(((3, 5), (0, 3)))
        (((3, 5), (8, 20)),)
        """
        return ((region[0], (self.offset, self.stop)),)


@dataclass(frozen=True, slots=True)
class RowBytesKernel:
    """The work on one piece.

    Parameters
    ----------
    dtype : numpy.dtype
    shape : tuple of int
        Of a row.

    Examples
    --------
    >>> rows = np.array([[1.5, 2], [3, 4]], "f4").view(np.uint8)
    >>> RowBytesKernel(np.dtype("f4"), (2,)).apply(np, [rows], ((0, 2), (1, 2)))
    array([[2.],
           [4.]], dtype=float32)
    """

    dtype: np.dtype[Any]
    shape: Shape

    def apply(self, xp: Namespace, blocks: Sequence[Any], region: Region) -> Any:
        """Return the values."""
        rows = np.ascontiguousarray(blocks[0]).view(self.dtype).reshape(blocks[0].shape[0], *self.shape)
        return rows[(slice(None), *as_slices(region[1:]))]

    def apply_into(self, blocks: Sequence[NDArray[Any]], out: NDArray[Any], region: Region) -> None:
        """Write the values to `out`."""
        out[...] = self.apply(np, blocks, region)


def _build(headers: Sequence[ArrayHeader], params: RowBytesParams, limits: Limits) -> Draft:
    header, dtype = headers[0], np.dtype(params.dtype)
    output = ArrayHeader("output", (header.shape[0], *params.shape), dtype)
    if output.size == 0:
        return Draft(ConstantStage(np.empty(output.shape, dtype)), output, 0, 0, 0)
    block_rows = max((limits.block_bytes or _BLOCK_BYTES) // params.nbytes, 1)
    piece_rows = max(min(_PIECE_BYTES, limits.task_host_bytes // 4) // params.nbytes, 1)
    stage = MapStage(
        RowBytesKernel(dtype, params.shape),
        Grid(output.shape, (min(block_rows, header.shape[0]), *params.shape)),
        (min(piece_rows, block_rows, header.shape[0]), *params.shape),
        (header.shape,),
        layout=RowBytesLayout(params.offset, params.offset + params.nbytes),
        on_host=True,
    )
    return Draft(stage, output, 0, 3 * stage.pieces[0] * params.nbytes, output.nbytes)


def _oracle(arrays: Sequence[NDArray[Any]], params: RowBytesParams) -> NDArray[Any]:
    mine = np.ascontiguousarray(arrays[0][:, params.offset : params.offset + params.nbytes])
    return mine.view(params.dtype).reshape(len(mine), *params.shape)


ROW_BYTES = Operation(
    "row_bytes",
    "One output out of rows of bytes",
    "",
    ("rows",),
    RowBytesParams,
    _build,
    _oracle,
)
