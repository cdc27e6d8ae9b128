"""matmul: ``a @ b`` as NumPy defines it, cut into tiles; 1-D, 2-D, batches that broadcast, operands taken transposed.

Accuracy, componentwise, for products computed with unit roundoff u: ``|c - c_exact| <= gamma_k (|a| @ |b|)`` with
``gamma_k = k u / (1 - k u)``, whatever the order of addition; the result is then rounded once to its dtype.

References
----------
N. J. Higham, "Accuracy and Stability of Numerical Algorithms", 2nd ed. (2002), equation 3.13.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ..blocks import Grid, Shape, ceil_div, row_major_chunks
from ..dtypes import compute_dtype
from ..errors import SpecError
from ..headers import ArrayHeader
from ..limits import Limits
from ..modes import product_mode
from ..stages import ConstantStage, ContractStage, Draft
from .operation import Operation, Params
from .tiles import Tile, choose_parts, choose_tile

__all__ = ["MATMUL", "MatmulParams"]

_MAX_BATCH_BYTES = 64 << 20


class MatmulParams(Params):
    """Parameters of matmul."""

    transpose_a: bool = Field(False, description="take a with its last two axes swapped; the file is not copied")
    transpose_b: bool = Field(False, description="take b with its last two axes swapped; the file is not copied")


@dataclass(frozen=True, slots=True)
class _Operand:
    """One operand as a stack of matrices: ``(*batch, rows, columns)`` after transposition."""

    batch: Shape
    rows: int
    columns: int
    vector: bool
    transposed: bool


def _read_operand(header: ArrayHeader, *, transposed: bool, column: bool) -> _Operand:
    if header.ndim == 0:
        raise SpecError(
            f"matmul: {header.name} is 0-d and does not have enough dimensions",
            cause="a @ b needs arrays of at least 1 dimension",
            next="multiply by a number with: arraymill run map x.npy --expr '3 * x'",
        )
    if header.ndim == 1:
        rows, columns = (header.shape[0], 1) if column else (1, header.shape[0])
        return _Operand((), rows, columns, vector=True, transposed=False)
    *batch, rows, columns = header.shape
    if transposed:
        rows, columns = columns, rows
    return _Operand(tuple(batch), rows, columns, vector=False, transposed=transposed)


def _check_shapes(a: _Operand, b: _Operand, headers: Sequence[ArrayHeader]) -> Shape:
    """Return the batch shape of the product.

    Raises
    ------
    SpecError
        When the operands do not match: NumPy's words and both shapes.
    """
    shapes = " and ".join(f"{h.name} {h.shape}" for h in headers)
    taken = " after transposition" if a.transposed or b.transposed else ""
    if a.columns != b.rows:
        raise SpecError(
            f"matmul: Input operand 1 has a mismatch in its core dimension 0, with gufunc signature "
            f"(n?,k),(k,m?)->(n?,m?) (size {b.rows} is different from {a.columns})",
            cause=f"the columns of a must be the rows of b; the shapes are {shapes}{taken}",
            safe="nothing was written",
            next="swap the operands, or use --transpose-a or --transpose-b",
        )
    try:
        return np.broadcast_shapes(a.batch, b.batch)
    except ValueError as error:
        raise SpecError(
            f"matmul: operands could not be broadcast together: batch shapes {a.batch} and {b.batch}",
            cause=f"the shapes are {shapes}",
            safe="nothing was written",
            next="batch axes must be equal or 1",
        ) from error


def _product_dtypes(result: np.dtype[Any], limits: Limits) -> tuple[np.dtype[Any], np.dtype[Any]]:
    """Return the dtypes that products are computed in and that they are added in.

    Integers multiply in float64 while every sum stays below 2^53 (the worker looks), and are added in 64 bits.
    """
    if result.kind == "b":
        return np.dtype("f4"), np.dtype("f4")
    if result.kind in "iu":
        # torch does not add uint64; int64 holds the same bits
        return np.dtype("f8"), np.dtype("u8" if result.kind == "u" and limits.device == "cpu" else "i8")
    wide = np.dtype("c16" if result.kind == "c" else "f8")
    compute = wide if limits.precision == "strict" else np.dtype("f4") if result.itemsize == 2 else result
    return compute, compute


def _chunk_batch(batch: Shape, tile: Tile, m: int, n: int, k: int, itemsize: int) -> tuple[int, ...]:
    """Return how many matrices of each batch axis make a task: more than one only where they are small."""
    if (tile.rows, tile.columns, tile.slab) != (m, n, k):
        return (1,) * len(batch)
    matrix_bytes = itemsize * (m * k + k * n + m * n)
    return row_major_chunks(batch, max(_MAX_BATCH_BYTES // matrix_bytes, 1))


def _build(headers: Sequence[ArrayHeader], params: MatmulParams, limits: Limits) -> Draft:
    a = _read_operand(headers[0], transposed=params.transpose_a, column=False)
    b = _read_operand(headers[1], transposed=params.transpose_b, column=True)
    batch = _check_shapes(a, b, headers)
    m, k, n = a.rows, a.columns, b.columns
    stored = [header.dtype.newbyteorder("=") for header in headers]
    result = np.result_type(*stored)
    if result.kind in "iu":
        for header in headers:
            # the range of integers is looked at where they are: refused where there is no order for them
            compute_dtype("elementwise", header.dtype, limits.device, name=header.name)
    shape = (*batch, *(() if a.vector else (m,)), *(() if b.vector else (n,)))
    output = ArrayHeader("output", shape, result)
    if math.prod(batch) * m * n * k == 0:
        return Draft(ConstantStage(np.zeros(shape, result)), output, flops=0, task_host_bytes=0, read_bytes=0)
    stage, host, device = _stage(a, b, batch, stored, result, limits)
    flops = 2 * math.prod(batch) * m * n * k * (4 if result.kind == "c" else 1)
    read = _traffic(stage, m, n, k, [header.dtype.itemsize for header in headers])
    notes = _notes(result, limits)
    return Draft(stage, output, flops, host, read_bytes=read, task_device_bytes=device, notes=notes)


def _stage(
    a: _Operand, b: _Operand, batch: Shape, stored: Sequence[np.dtype[Any]], result: np.dtype[Any], limits: Limits
) -> tuple[ContractStage, int, int]:
    m, k, n = a.rows, a.columns, b.columns
    compute, accumulate = _product_dtypes(result, limits)
    # what is read, and beside it what it is cast to
    panel = max(dtype.itemsize + (compute.itemsize if dtype != compute else 0) for dtype in stored)
    # the product, what it is added to, and the output's dtype where that is another
    tile_itemsize = compute.itemsize + (accumulate.itemsize + result.itemsize if result != compute else 0)
    budget = limits.task_host_bytes
    if limits.device == "cuda":
        budget = min(budget, limits.task_device_bytes)
    budget = min(budget, limits.block_bytes or budget)
    tile = choose_tile(
        m, n, k, panel_itemsize=panel, tile_itemsize=tile_itemsize, budget_bytes=budget, device=limits.device
    )
    parts = choose_parts(tile, m, n, k, n_batches=math.prod(batch), itemsize=panel)
    matrices = _chunk_batch(batch, tile, m, n, k, panel + tile_itemsize) if parts == 1 else (1,) * len(batch)
    stage = ContractStage(
        Grid((*batch, m, n, k), (*matrices, tile.rows, tile.columns, ceil_div(k, parts))),
        slab=tile.slab,
        a_batch=a.batch,
        b_batch=b.batch,
        a_transposed=a.transposed,
        b_transposed=b.transposed,
        a_vector=a.vector,
        b_vector=b.vector,
        dtype=compute,
        accumulate=accumulate,
        result=result,
        precision=limits.precision,
        mode=product_mode(result, limits.precision, limits.device),
    )
    slab = min(tile.slab, ceil_div(k, parts))
    extra_tile = compute.itemsize if slab < ceil_div(k, parts) else 0
    need = math.prod(matrices) * (
        panel * slab * (tile.rows + tile.columns) + (tile_itemsize + extra_tile) * tile.rows * tile.columns
    )
    return stage, need, need if limits.device == "cuda" else 0


def _traffic(stage: ContractStage, m: int, n: int, k: int, itemsizes: Sequence[int]) -> int:
    """Return the bytes read if a worker keeps the panels that its next tile shares: those of one slab."""
    *_, rows, columns, span = stage.grid.chunks
    is_kept = min(span, stage.slab) >= k
    a_reads = 1 if is_kept else ceil_div(n, columns)
    b_reads = 1 if is_kept and columns >= n else ceil_div(m, rows)
    n_batches = math.prod(stage.grid.shape[:-3])
    return n_batches * (a_reads * m * k * itemsizes[0] + b_reads * k * n * itemsizes[1])


def _notes(result: np.dtype[Any], limits: Limits) -> tuple[str, ...]:
    if result.kind in "iu":
        return ("integers are exact modulo 2^bits: in float64 while sums stay below 2^53, by NumPy beyond",)
    if limits.precision.startswith("fast") and limits.device == "cpu":
        return (f"precision {limits.precision} is standard on the CPU: there are no tensor cores",)
    return ()


def _oracle(arrays: Sequence[NDArray[Any]], params: MatmulParams) -> NDArray[Any]:
    a, b = arrays
    if params.transpose_a and a.ndim > 1:
        a = np.swapaxes(a, -1, -2)
    if params.transpose_b and b.ndim > 1:
        b = np.swapaxes(b, -1, -2)
    return np.asarray(np.matmul(a, b))


MATMUL = Operation(
    "matmul",
    "Matrix product a @ b: vectors, matrices, stacks of matrices",
    "arraymill run matmul a.npy b.npy -o c.npy",
    ("a", "b"),
    MatmulParams,
    _build,
    _oracle,
)
