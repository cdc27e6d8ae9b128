"""What is computed: operations on files of random normal numbers with mean 1.

With mean 1 every expected value is far from zero, so that a relative error means something.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

__all__ = ["CASES", "Case", "Matrix"]

_SHRINK = 64
_FLOAT32_BYTES = 4

SUM_TOLERANCE = 3e-3
"""A block of 1/256 that is missing from a sum shows; what NumPy loses in float32 (1.3e-3 measured) passes."""
PRODUCT_TOLERANCE = 1e-4
"""Twenty times what float32 BLAS loses over k = 8192."""


@dataclass(frozen=True, slots=True)
class Matrix:
    """A float32 file of normal numbers with mean 1 and variance 1.

    Parameters
    ----------
    rows, columns : int
    seed : int
    """

    rows: int
    columns: int
    seed: int = 1

    @property
    def file_name(self) -> str:
        """Name that says everything about the content."""
        return f"normal-{self.rows}x{self.columns}-seed{self.seed}.npy"

    @property
    def nbytes(self) -> int:
        """Bytes of the elements."""
        return self.rows * self.columns * _FLOAT32_BYTES

    def shrunk(self) -> Matrix:
        """Return it with 1/64 of the elements: sides of a square by 8, else rows by 64.

        >>> Matrix(4096, 4096).shrunk(), Matrix(2_000_000, 512).shrunk()
        (Matrix(rows=512, columns=512, seed=1), Matrix(rows=31250, columns=512, seed=1))
        """
        if self.rows == self.columns:
            side = self.rows // math.isqrt(_SHRINK)
            return replace(self, rows=side, columns=side)
        return replace(self, rows=self.rows // _SHRINK)


@dataclass(frozen=True, slots=True)
class Case:
    """One operation, file to file.

    Parameters
    ----------
    name : str
    operation : str
        NumPy's name.
    inputs : tuple of Matrix
    tolerance : float
        Largest relative error of a result that is not called wrong.
    axis : int, optional
        Of a reduction; all axes when left out.
    from_shell : bool
        Whole processes are compared: a command of each contender, start and imports included.
    """

    name: str
    operation: str
    inputs: tuple[Matrix, ...]
    tolerance: float
    axis: int | None = None
    from_shell: bool = False

    @property
    def params(self) -> dict[str, Any]:
        """Keyword arguments of the operation."""
        return {} if self.operation == "matmul" else {"axis": self.axis}

    @property
    def output_shape(self) -> tuple[int, ...]:
        """Shape of the result."""
        first, last = self.inputs[0], self.inputs[-1]
        if self.operation == "matmul":
            return first.rows, last.columns
        return {None: (), 0: (first.columns,), 1: (first.rows,)}[self.axis]

    @property
    def bytes_read(self) -> int:
        """Bytes of the inputs, each read once."""
        return sum(matrix.nbytes for matrix in self.inputs)

    @property
    def bytes_written(self) -> int:
        """Bytes of the output."""
        return math.prod(self.output_shape) * _FLOAT32_BYTES

    @property
    def product_flops(self) -> int:
        """Floating point operations of a product; 0 for a reduction, which reading bounds."""
        if self.operation != "matmul":
            return 0
        return 2 * self.inputs[0].rows * self.inputs[0].columns * self.inputs[1].columns

    def shrunk(self) -> Case:
        """Return the case on inputs of 1/64 of the size."""
        return replace(self, inputs=tuple(matrix.shrunk() for matrix in self.inputs))

    def rehearsal(self) -> Case:
        """Return the case on inputs so small that they cost nothing: 64 x 64."""
        return replace(self, inputs=tuple(Matrix(64, 64, matrix.seed) for matrix in self.inputs))


def _product(n: int) -> Case:
    return Case(f"matmul-{n}", "matmul", (Matrix(n, n, 1), Matrix(n, n, 2)), PRODUCT_TOLERANCE)


_TALL = (Matrix(2_000_000, 512),)
_MEGABYTE = (Matrix(512, 512),)

CASES = (
    _product(4096),
    _product(8192),
    Case("sum-all", "sum", _TALL, SUM_TOLERANCE),
    Case("sum-axis0", "sum", _TALL, SUM_TOLERANCE, axis=0),
    Case("mean-axis0", "mean", _TALL, SUM_TOLERANCE, axis=0),
    Case("var-axis0", "var", _TALL, SUM_TOLERANCE, axis=0),
    Case("var-axis1", "var", _TALL, SUM_TOLERANCE, axis=1),
    Case("max-all", "max", _TALL, 0.0),
    Case("shell-sum-1mb", "sum", _MEGABYTE, SUM_TOLERANCE, from_shell=True),
    Case("shell-sum-4gb", "sum", _TALL, SUM_TOLERANCE, from_shell=True),
)
