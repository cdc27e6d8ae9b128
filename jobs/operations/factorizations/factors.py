"""`FACTORS`: the first pass of a TSQR, the triangular factor of each cut of rows, stacked (see `row_blocks`).

The matrix is one array, or its conjugate transpose; two arrays whose columns stand side by side; or an array less the
means of its columns.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...blocks import Grid, Region, Shape
from ...headers import ArrayHeader
from ...limits import Limits
from ...stages.kernels import Namespace
from ...stages.shapes import Draft, MapStage
from ..operation import Operation, Params
from ..reductions.block_sums import cast
from .row_blocks import SMALL_FLOPS_PER_S, RowBlocks, cuts_per_task, row_bytes, wide_dtype
from .tall_qr import r_factor

__all__ = ["FACTORS", "FactorParams"]


class FactorParams(Params):
    """Parameters of `FACTORS`.

    Parameters
    ----------
    rows : int
        Of one cut.
    transposed : bool
        Of the conjugate transpose of x.
    centred : bool
        The second input is subtracted from every row; else its columns are joined to those of x.
    """

    rows: int
    transposed: bool = False
    centred: bool = False


@dataclass(frozen=True, slots=True)
class _Factors:
    """Layout and kernel: `cut` is of the joined columns, `shapes` are the inputs'."""

    cut: RowBlocks
    shapes: tuple[Shape, ...]
    centred: bool

    def regions(self, region: Region) -> tuple[Region, ...]:
        rows = self.cut.rows_of(*region[0])
        n = self.shapes[0][0 if self.cut.transposed else 1]
        first: Region = ((0, n), rows) if self.cut.transposed else (rows, (0, n))
        if len(self.shapes) == 1:
            return (first,)
        second: Region = ((0, n),) if self.centred else (rows, *((0, length) for length in self.shapes[1][1:]))
        return first, second

    def apply(self, xp: Namespace, blocks: Sequence[Any], region: Region) -> Any:
        x = self.cut.load(xp, blocks[0])
        if len(blocks) == 2:
            x = x - blocks[1] if self.centred else _join(xp, x, blocks[1])
        rows, height = self.cut.rows, self.cut.height
        factors = [r_factor(xp, x[start : start + rows]) for start in range(0, x.shape[0], rows)]
        stack = factors[0] if len(factors) == 1 else xp.concat(factors, axis=0)
        (start, stop), columns = region
        origin = start // height * height
        return stack[start - origin : stop - origin, slice(*columns)]

    def apply_into(self, blocks: Sequence[NDArray[Any]], out: NDArray[Any], region: Region) -> None:
        out[...] = self.apply(np, blocks, region)


def _join(xp: Namespace, x: Any, other: Any) -> Any:
    wide = xp.result_type(x.dtype, other.dtype)
    columns = xp.reshape(other, (x.shape[0], math.prod(other.shape[1:])))
    return xp.concat([cast(xp, x, wide), cast(xp, columns, wide)], axis=1)


def _build(headers: Sequence[ArrayHeader], params: FactorParams, limits: Limits) -> Draft:
    m, n = headers[0].shape[::-1] if params.transposed else headers[0].shape
    if len(headers) == 2 and not params.centred:
        n += headers[1].size // m
    dtype = wide_dtype(np.result_type(*(header.dtype for header in headers)))
    cut = RowBlocks(m, n, params.rows, params.transposed)
    kernel = _Factors(cut, tuple(header.shape for header in headers), params.centred)
    output = ArrayHeader("output", (cut.stack_rows, n), dtype)
    read = sum(header.nbytes for header in headers)
    chunk = cut.height * cuts_per_task(read, params.rows * n * dtype.itemsize, limits)
    grid = Grid(output.shape, (min(chunk, cut.stack_rows), n))
    need = params.rows * row_bytes(n, dtype)
    flops = 2 * m * n * n * (4 if dtype.kind == "c" else 1)
    return Draft(
        MapStage(kernel, grid, (cut.height, n), kernel.shapes, layout=kernel),
        output,
        flops=flops,
        task_host_bytes=need,
        task_device_bytes=need if limits.device == "cuda" else 0,
        read_bytes=read,
        core_s=flops / SMALL_FLOPS_PER_S,
    )


def _oracle(arrays: Sequence[NDArray[Any]], params: FactorParams) -> NDArray[Any]:
    x = arrays[0].conj().T if params.transposed else arrays[0]
    if len(arrays) == 2:
        x = x - arrays[1] if params.centred else np.hstack([x, arrays[1].reshape(len(x), -1)])
    cuts = [x[start : start + params.rows] for start in range(0, len(x), params.rows)]
    return np.concatenate([np.linalg.qr(cut, mode="r") for cut in cuts])


FACTORS = Operation(
    "factors",
    "The triangular factor of each cut of rows, stacked",
    "arraymill plan qr x.npy",
    ("x",),
    FactorParams,
    _build,
    _oracle,
    variadic=True,
)
