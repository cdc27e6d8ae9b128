"""`DIAGONAL`: elements whose places along some axes are equal, as einsum's ``ii->i``; only blocks on it are read."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...blocks import Grid, Region, Shape, row_major_chunks
from ...headers import ArrayHeader
from ...limits import Limits
from ...stages.kernels import Namespace
from ...stages.shapes import ConstantStage, Draft, MapStage
from ..operation import Operation, Params

__all__ = ["DIAGONAL", "DiagonalParams"]

_LONGEST = {1: 1 << 12, 2: 256}
"""Of a piece along an axis that stands for so many of the input: it reads the square of it, and keeps this."""
_LONGEST_OF_MANY = 32
_BLOCK_ELEMENTS, _PIECE_ELEMENTS = 1 << 22, 1 << 12


class DiagonalParams(Params):
    """Parameters of `DIAGONAL`: which axis of the result each axis of the input is."""

    axes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Diagonal:
    """Layout and kernel."""

    axes: tuple[int, ...]

    def regions(self, region: Region) -> tuple[Region, ...]:
        return (tuple(region[axis] for axis in self.axes),)

    def apply(self, xp: Namespace, blocks: Sequence[Any], region: Region) -> Any:
        return np.einsum(np.asarray(blocks[0]), list(self.axes), list(range(len(region))))

    def apply_into(self, blocks: Sequence[NDArray[Any]], out: NDArray[Any], region: Region) -> None:
        out[...] = self.apply(np, blocks, region)


def _build(headers: Sequence[ArrayHeader], params: DiagonalParams, limits: Limits) -> Draft:
    header, dtype = headers[0], headers[0].dtype.newbyteorder("=")
    n_axes = max(params.axes) + 1
    shape: Shape = tuple(header.shape[params.axes.index(axis)] for axis in range(n_axes))
    output = ArrayHeader("output", shape, dtype)
    if output.size == 0:
        return Draft(ConstantStage(np.empty(shape, dtype)), output, flops=0, task_host_bytes=0, read_bytes=0)
    most = max((limits.block_bytes or _BLOCK_ELEMENTS * dtype.itemsize) // dtype.itemsize, 1)
    chunks = row_major_chunks(shape, most)
    longest = [_LONGEST.get(params.axes.count(axis), _LONGEST_OF_MANY) for axis in range(n_axes)]
    pieces = row_major_chunks(tuple(map(min, chunks, longest)), _PIECE_ELEMENTS)
    kernel = _Diagonal(params.axes)
    read = math.prod(pieces[axis] for axis in params.axes)
    n_pieces = math.prod(-(-n // piece) for n, piece in zip(shape, pieces, strict=True))
    return Draft(
        MapStage(kernel, Grid(shape, chunks), pieces, (header.shape,), layout=kernel, on_host=True),
        output,
        flops=0,
        task_host_bytes=(read + math.prod(pieces)) * dtype.itemsize,
        read_bytes=min(n_pieces * read * dtype.itemsize, header.nbytes),
    )


def _oracle(arrays: Sequence[NDArray[Any]], params: DiagonalParams) -> NDArray[Any]:
    return np.asarray(np.einsum(arrays[0], list(params.axes), list(range(max(params.axes) + 1))))


DIAGONAL = Operation("diagonal", "Elements whose places are equal", "", ("x",), DiagonalParams, _build, _oracle)
