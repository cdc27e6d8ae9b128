"""gram: ``x.T @ x``, every column of a tall array against every other; read once, added up in float64.

Integers are exact modulo 2^bits, as NumPy's; booleans as NumPy's logical product. Error bound in `cross_products`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...blocks import Shape
from ...errors import SpecError
from ...headers import ArrayHeader
from ...limits import Limits
from ...stages.kernels import Namespace, Partial
from ...stages.shapes import ConstantStage, Draft
from ..operation import Operation, Params, ask_numpy
from ..reductions.block_sums import cast
from .cross_products import SLAB, add_cross_products, draft_cross_products, samples_first

__all__ = ["GRAM", "GramKernel", "GramParams"]


class GramParams(Params):
    """gram has no parameters."""


@dataclass(frozen=True, slots=True)
class GramKernel:
    """Partials are ``(products,)``: n x n in float64, complex128 or int64.

    Parameters
    ----------
    compute : numpy.dtype
        What slabs are multiplied in.
    result : numpy.dtype
    """

    compute: np.dtype[Any]
    result: np.dtype[Any]

    @property
    def piece_elements(self) -> int:
        """Pieces are cut by rows; see `cross_products`."""
        return (8 << 20) // self.compute.itemsize

    @property
    def is_exact(self) -> bool:
        """Integers and booleans are."""
        return self.compute.kind == "i"

    def fold(self, xp: Namespace, piece: Any, axes: tuple[int, ...], origin: Shape) -> tuple[Any, ...]:
        """Return the products of the columns of a piece."""
        x = samples_first(xp, piece, 0)
        wide = getattr(xp, {"f": "float64", "c": "complex128", "i": "int64"}[self.compute.kind])
        total = None
        for start in range(0, x.shape[0], SLAB):
            slab = cast(xp, x[start : start + SLAB], getattr(xp, self.compute.name))
            total = add_cross_products(xp, total, slab, wide)
        return (total,)

    def merge(self, left: Partial, right: Partial) -> Partial:
        """Return the sum of two parts."""
        with np.errstate(all="ignore"):
            return (left[0] + right[0],)

    def finish(self, partial: Partial) -> NDArray[Any]:
        """Return the products in the result's dtype."""
        with np.errstate(all="ignore"):
            total = partial[0]
            return np.asarray(total != 0 if self.result.kind == "b" else total.astype(self.result))


def _build(headers: Sequence[ArrayHeader], params: GramParams, limits: Limits) -> Draft:
    header = headers[0]
    if header.ndim not in (1, 2):
        raise SpecError(
            f"gram: {header.name} has {header.ndim} axes",
            cause="x.T @ x of a matrix is meant; NumPy's product of stacks is another",
            next="select one matrix, or use: arraymill run matmul x.npy x.npy --transpose-a",
        )
    dtype = header.dtype.newbyteorder("=")
    answer = ask_numpy(_oracle, [np.zeros((1,) * header.ndim, dtype)], params, what="gram")
    shape = (header.shape[1],) * 2 if header.ndim == 2 else ()
    if header.size == 0:
        output = ArrayHeader("output", shape, answer.dtype)
        return Draft(ConstantStage(np.zeros(shape, answer.dtype)), output, flops=0, task_host_bytes=0, read_bytes=0)
    compute = _compute_dtype(dtype, limits)
    kernel = GramKernel(compute, answer.dtype)
    return draft_cross_products(
        header, limits, kernel=kernel, samples=0, compute=compute, result=answer.dtype, output_shape=shape
    )


def _compute_dtype(dtype: np.dtype[Any], limits: Limits) -> np.dtype[Any]:
    if dtype.kind in "biu":
        return np.dtype(np.int64)
    if limits.precision == "strict" or dtype.itemsize == 8 * (1 + (dtype.kind == "c")):
        return np.dtype(np.complex128 if dtype.kind == "c" else np.float64)
    return np.dtype(np.complex64 if dtype.kind == "c" else np.float32)


def _oracle(arrays: Sequence[NDArray[Any]], params: GramParams) -> NDArray[Any]:
    return np.asarray(arrays[0].T @ arrays[0])


GRAM = Operation(
    "gram",
    "Gram matrix x.T @ x: the products of all pairs of columns",
    "arraymill run gram x.npy -o gram.npy",
    ("x",),
    GramParams,
    _build,
    _oracle,
)
