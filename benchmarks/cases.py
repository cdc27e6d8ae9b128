"""What is computed: one operation on files of random normal numbers with mean 1, file to file.

With mean 1 every expected value is far from zero, so that a relative error means something.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

__all__ = ["PRODUCT_TOLERANCE", "SUM_TOLERANCE", "Case", "Dtype", "Matrix"]

_SHRINK = 64
Dtype = Literal["float32", "float64", "float16"]

SUM_TOLERANCE = 3e-3
"""A block of 1/256 that is missing from a sum shows; what NumPy loses in float32 (1.3e-3 measured) passes."""
PRODUCT_TOLERANCE = 1e-4
"""Twenty times what float32 BLAS loses over k = 8192."""


@dataclass(frozen=True, slots=True)
class Matrix:
    """A file of normal numbers with mean 1 and variance 1.

    Parameters
    ----------
    rows, columns : int
    seed : int
    dtype : {"float32", "float64", "float16"}
    """

    rows: int
    columns: int
    seed: int = 1
    dtype: Dtype = "float32"

    @property
    def file_name(self) -> str:
        """Name that says everything about the content."""
        return f"normal-{self.rows}x{self.columns}-{self.dtype}-seed{self.seed}.npy"

    @property
    def nbytes(self) -> int:
        """Bytes of the elements."""
        return self.rows * self.columns * np.dtype(self.dtype).itemsize

    def shrunk(self) -> Matrix:
        """Return it with 1/64 of the elements: sides by 8 where both are long, else the longer one by 64.

        >>> Matrix(4096, 4096).shrunk().columns, Matrix(2_000_000, 512).shrunk().rows
        (512, 31250)
        """
        if min(self.rows, self.columns) >= 1024:
            side = math.isqrt(_SHRINK)
            return replace(self, rows=self.rows // side, columns=self.columns // side)
        if self.rows >= self.columns:
            return replace(self, rows=self.rows // _SHRINK)
        return replace(self, columns=self.columns // _SHRINK)


@dataclass(frozen=True, slots=True)
class Case:
    """One operation, file to file.

    Parameters
    ----------
    name, group : str
    operation : str
        NumPy's name; "gram" is ``x.T @ x``.
    inputs : tuple of Matrix
    contenders : tuple of str
        Who takes part unless others are named.
    tolerance : float
        Largest relative error of a result that is not called wrong.
    axis : int, optional
        Of a reduction; all axes when left out.
    settings : mapping
        arraymill's: memory, device, precision.
    most_rounds, most_runs : int
        For what takes minutes.
    round_s : float
        A round of it on 2 cores, for the estimate.
    from_shell : bool
        Whole processes are compared: a command of each contender, start and imports included.
    cold : bool
        Inputs are always dropped from the page cache before a turn.
    """

    name: str
    group: str
    operation: str
    inputs: tuple[Matrix, ...]
    contenders: tuple[str, ...]
    tolerance: float
    axis: int | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    most_rounds: int = 1000
    most_runs: int = 1000
    round_s: float = 10.0
    from_shell: bool = False
    cold: bool = False

    @property
    def params(self) -> dict[str, Any]:
        """Keyword arguments of the operation."""
        fixed: dict[str, dict[str, Any]] = {"matmul": {}, "gram": {}, "cov": {"rowvar": False}}
        return fixed.get(self.operation, {"axis": self.axis})

    @property
    def output_shape(self) -> tuple[int, ...]:
        """Shape of the result."""
        first, last = self.inputs[0], self.inputs[-1]
        if self.operation == "matmul":
            return first.rows, last.columns
        if self.operation in ("gram", "cov"):
            return first.columns, first.columns
        return {None: (), 0: (first.columns,), 1: (first.rows,)}[self.axis]

    @property
    def bytes_read(self) -> int:
        """Bytes of the inputs, each read once."""
        return sum(matrix.nbytes for matrix in self.inputs)

    @property
    def bytes_written(self) -> int:
        """Bytes of the output."""
        return math.prod(self.output_shape) * np.dtype(self.inputs[0].dtype).itemsize

    @property
    def product_flops(self) -> int:
        """Floating point operations of a product; 0 for a reduction, which reading bounds."""
        first, last = self.inputs[0], self.inputs[-1]
        if self.operation in ("gram", "cov"):
            # symmetric: half of it is enough
            return first.rows * first.columns**2
        return 2 * first.rows * first.columns * last.columns if self.operation == "matmul" else 0

    def shrunk(self) -> Case:
        """Return the case on inputs of 1/64 of the size."""
        return replace(self, inputs=tuple(matrix.shrunk() for matrix in self.inputs), round_s=self.round_s / 8)

    def rehearsal(self) -> Case:
        """Return the case on inputs so small that they cost nothing: 64 x 64."""
        return replace(self, inputs=tuple(replace(matrix, rows=64, columns=64) for matrix in self.inputs))
