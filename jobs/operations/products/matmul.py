"""matmul: ``a @ b`` as NumPy defines it, cut into tiles; 1-D, 2-D, batches that broadcast, operands taken transposed.

Accuracy, componentwise, for products computed with unit roundoff u: ``|c - c_exact| <= gamma_k (|a| @ |b|)`` with
``gamma_k = k u / (1 - k u)``, whatever the order of addition; the result is then rounded once to its dtype.

References
----------
N. J. Higham, "Accuracy and Stability of Numerical Algorithms", 2nd ed. (2002), equation 3.13.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ...blocks import Shape
from ...dtypes import compute_dtype
from ...errors import SpecError
from ...headers import ArrayHeader
from ...limits import Limits
from ...stages.shapes import ConstantStage, Draft
from ..operation import Operation, Params
from .contraction import Contraction, Operand, draft_contraction

__all__ = ["MATMUL", "MatmulParams"]


class MatmulParams(Params):
    """Parameters of matmul."""

    transpose_a: bool = Field(False, description="take a with its last two axes swapped; the file is not copied")
    transpose_b: bool = Field(False, description="take b with its last two axes swapped; the file is not copied")


def _read_operand(header: ArrayHeader, *, transposed: bool, column: bool) -> Operand:
    if header.ndim == 0:
        raise SpecError(
            f"matmul: {header.name} is 0-d and does not have enough dimensions",
            cause="a @ b needs arrays of at least 1 dimension",
            next="multiply by a number with: arraymill run map x.npy --expr '3 * x'",
        )
    if header.ndim == 1:
        rows, columns = (header.shape[0], 1) if column else (1, header.shape[0])
        return Operand(header, (), rows, columns, vector=True, transposed=False)
    *batch, rows, columns = header.shape
    if transposed:
        rows, columns = columns, rows
    return Operand(header, tuple(batch), rows, columns, vector=False, transposed=transposed)


def _check_shapes(a: Operand, b: Operand, headers: Sequence[ArrayHeader]) -> Shape:
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


def _build(headers: Sequence[ArrayHeader], params: MatmulParams, limits: Limits) -> Draft:
    a = _read_operand(headers[0], transposed=params.transpose_a, column=False)
    b = _read_operand(headers[1], transposed=params.transpose_b, column=True)
    batch = _check_shapes(a, b, headers)
    result = np.result_type(a.dtype, b.dtype)
    if result.kind in "iu":
        for header in headers:
            # the range of integers is looked at where they are: refused where there is no order for them
            compute_dtype("elementwise", header.dtype, limits.device, name=header.name)
    shape = (*batch, *(() if a.vector else (a.rows,)), *(() if b.vector else (b.columns,)))
    output = ArrayHeader("output", shape, result)
    contraction = Contraction(a, b, batch, *_product_dtypes(result, limits), result)
    if contraction.flops == 0:
        return Draft(ConstantStage(np.zeros(shape, result)), output, flops=0, task_host_bytes=0, read_bytes=0)
    return draft_contraction(contraction, output, limits, _notes(result, limits))


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
