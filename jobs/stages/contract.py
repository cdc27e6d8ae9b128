"""The stage of products: tiles of ``C = A @ B``. Frozen data; nothing is computed here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from ..blocks import Grid, Region, Shape
from ..limits import Precision
from .modes import ProductMode

__all__ = ["ContractStage"]


@dataclass(frozen=True, slots=True)
class ContractStage:
    """One tile of C from a row panel of A and a column panel of B: ``C = sum over k of A-slab @ B-slab``.

    m, k, n are BLAS's: A is m x k, B is k x n, C is m x n, each with leading batch axes that broadcast.

    Parameters
    ----------
    grid : Grid
        Over ``(*batch, m, n, k)``: tiles of C; more than one chunk along k makes parts, merged in float64.
    slab : int
        Columns of A and rows of B that one product takes.
    a_batch, b_batch : tuple of int
        Batch shapes of the operands.
    a_transposed, b_transposed : bool
        The stored operand is k x m, or n x k.
    a_vector, b_vector : bool
        The operand is 1-D and its added axis does not appear in the output.
    dtype, accumulate, result : numpy.dtype
        What products are computed in, what slabs are added in, the output's.
    precision : Precision
    pieces : tuple of int
        Chunk shape ``(*batch, m, n)`` of the tiles of a block, computed one after another; () computes it whole.
    mode : ProductMode
        How a GPU multiplies.
    order : {"rows", "columns"}
        The tiles of a block are taken row by row, or column by column, every second row (column) backwards.
    resident : {"none", "a", "b"}
        The operand whose panel (all slabs of k that a row of tiles needs of a, or a column of b) stays in device memory
        until the tiles that need it are done: a with order rows, b with order columns. Slabs of the other pass through.
    """

    grid: Grid
    slab: int
    a_batch: Shape
    b_batch: Shape
    a_transposed: bool
    b_transposed: bool
    a_vector: bool
    b_vector: bool
    dtype: np.dtype[Any]
    accumulate: np.dtype[Any]
    result: np.dtype[Any]
    precision: Precision = "standard"
    pieces: Shape = ()
    mode: ProductMode = "ieee"
    order: Literal["rows", "columns"] = "rows"
    resident: Literal["none", "a", "b"] = "none"

    reverse = False
    on_host = False

    @property
    def n_parts(self) -> int:
        """Number of ranges of k whose products are merged into one tile."""
        return self.grid.counts[-1]

    def part(self, index: int) -> int:
        """Return the place of block `index` along k."""
        return self.grid.position(index)[-1]

    def output_region(self, index: int) -> Region:
        """Return the tile of C that block `index` makes or contributes to."""
        *batch, rows, columns, _ = self.grid.region(index)
        matrix = ([] if self.a_vector else [rows]) + ([] if self.b_vector else [columns])
        return (*batch, *matrix)
