"""`TALL_PRODUCT`: the second pass of a TSQR, the orthonormal factor of each cut of rows times a small matrix.

The factors must be those of the first pass, so r is compared: a difference would be an error of the result. It means
that the input changed meanwhile, or that another kind of processor, whose BLAS adds in another order, did this block.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...blocks import Grid, Region, ceil_div
from ...errors import InputChangedError
from ...headers import ArrayHeader
from ...limits import Limits
from ...stages.kernels import Namespace
from ...stages.shapes import Draft, MapStage
from ..operation import Operation, Params
from ..reductions.block_sums import cast
from .row_blocks import SMALL_FLOPS_PER_S, RowBlocks, cuts_per_task, row_bytes
from .tall_qr import thin_product

__all__ = ["TALL_PRODUCT", "ProductParams"]

_SAME = 8 * 2.0**-53
"""Times the root of n and the largest element: what r may differ by, a share of the error promised."""


class ProductParams(Params):
    """Parameters of `TALL_PRODUCT`.

    Parameters
    ----------
    rows : int
        Of one cut, as those of `FACTORS`.
    dtype : str
        Of the result.
    transposed : bool
        x and the result are conjugate transposes.
    """

    rows: int
    dtype: str
    transposed: bool = False


@dataclass(frozen=True, slots=True)
class _TallProduct:
    """Layout and kernel; the small matrix has `columns`."""

    cut: RowBlocks
    columns: int
    dtype: np.dtype[Any]

    def regions(self, region: Region) -> tuple[Region, ...]:
        rows = self._rows(region)
        stack, n = self.cut.stack_of(*rows), self.cut.n
        stored: Region = ((0, n), rows) if self.cut.transposed else (rows, (0, n))
        return stored, (stack, (0, n)), (stack, (0, self.columns))

    def apply(self, xp: Namespace, blocks: Sequence[Any], region: Region) -> Any:
        x, height, products = self.cut.load(xp, blocks[0]), self.cut.height, []
        for number, start in enumerate(range(0, x.shape[0], self.cut.rows)):
            stack = slice(number * height, (number + 1) * height)
            product, r = thin_product(xp, x[start : start + self.cut.rows], blocks[2][stack])
            _check_same(xp, r, blocks[1][stack])
            products.append(product)
        whole = products[0] if len(products) == 1 else xp.concat(products, axis=0)
        offset = self._rows(region)[0]
        if not self.cut.transposed:
            (start, stop), columns = region
            return cast(xp, whole[start - offset : stop - offset, slice(*columns)], getattr(xp, self.dtype.name))
        columns, (start, stop) = region
        part = whole[start - offset : stop - offset, slice(*columns)].T
        return cast(xp, xp.conj(part) if self.dtype.kind == "c" else part, getattr(xp, self.dtype.name))

    def apply_into(self, blocks: Sequence[NDArray[Any]], out: NDArray[Any], region: Region) -> None:
        out[...] = self.apply(np, blocks, region)

    def _rows(self, region: Region) -> tuple[int, int]:
        """Return the rows of the whole cuts that a region of the output is in."""
        start, stop = region[1 if self.cut.transposed else 0]
        rows = self.cut.rows
        return start // rows * rows, min(ceil_div(stop, rows) * rows, self.cut.m)


def _check_same(xp: Namespace, r: Any, expected: Any) -> None:
    allowed = _SAME * r.shape[1] ** 0.5 * xp.max(xp.abs(expected))
    # NaN differs from everything and is no error
    if bool(xp.any(xp.abs(r - expected) > allowed)):
        raise InputChangedError(
            "rows have another triangular factor than in the first pass",
            cause="the input changed meanwhile, or workers have processors of different kinds",
            safe="nothing was published",
            next="run the job again, on workers of one kind",
        )


def _build(headers: Sequence[ArrayHeader], params: ProductParams, limits: Limits) -> Draft:
    x, _, small = headers
    m, n = x.shape[::-1] if params.transposed else x.shape
    k, dtype = small.shape[1], np.dtype(params.dtype)
    kernel = _TallProduct(RowBlocks(m, n, params.rows, params.transposed), k, dtype)
    shape, pieces = (m, k), (min(params.rows, m), k)
    chunk = min(params.rows * cuts_per_task(x.nbytes, params.rows * n * small.dtype.itemsize, limits), m)
    chunks = (chunk, k)
    if params.transposed:
        shape, pieces, chunks = shape[::-1], pieces[::-1], chunks[::-1]
    output = ArrayHeader("output", shape, dtype)
    need = params.rows * (row_bytes(n, x.dtype) + k * dtype.itemsize)
    operands = tuple(header.shape for header in headers)
    flops = m * n * (4 * n + 2 * k) * (4 if dtype.kind == "c" else 1)
    return Draft(
        MapStage(kernel, Grid(shape, chunks), pieces, operands, layout=kernel),
        output,
        flops=flops,
        task_host_bytes=need,
        task_device_bytes=need if limits.device == "cuda" else 0,
        read_bytes=sum(header.nbytes for header in headers),
        core_s=flops / SMALL_FLOPS_PER_S,
    )


def _oracle(arrays: Sequence[NDArray[Any]], params: ProductParams) -> NDArray[Any]:
    x, _, small = arrays
    x = x.conj().T if params.transposed else x
    cut, products = RowBlocks(len(x), x.shape[1], params.rows), []
    for start in range(0, len(x), params.rows):
        q, _ = np.linalg.qr(x[start : start + params.rows])
        products.append(q @ small[slice(*cut.stack_of(start, min(start + params.rows, len(x))))])
    product = np.concatenate(products)
    return np.asarray(product.conj().T if params.transposed else product).astype(params.dtype)


TALL_PRODUCT = Operation(
    "tall_product",
    "The orthonormal factor of each cut of rows times a small matrix",
    "arraymill plan qr x.npy",
    ("x", "factors", "small"),
    ProductParams,
    _build,
    _oracle,
)
