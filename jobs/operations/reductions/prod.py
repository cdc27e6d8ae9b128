"""prod and nanprod: products in float64 (integers modulo 2**64, as in NumPy).

Of floats, what one block makes may be too small or too large for float64: partials have exponents of their own
(`scaled_products`), so that a product is 0 or infinite only if it does not fit itself, or an element is. NumPy's stays
0 or infinite after a beginning that was, whatever comes then.

Accuracy: the relative error is within n ``2^-53`` of n factors, 3 n ``2^-53`` of complex ones (Higham 2002, lemma 3.5),
before the result is rounded to its dtype.

References
----------
N. J. Higham, "Accuracy and Stability of Numerical Algorithms", 2nd ed. (2002), sections 3.4 and 3.6.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...blocks import Shape
from ...dtypes import compute_dtype
from ...headers import ArrayHeader
from ...limits import Limits
from ...stages.kernels import Namespace, Partial
from ...stages.shapes import Draft
from ..operation import Operation
from .block_sums import cast
from .reduction import Problem, collapse_piece, draft_reduction
from .scaled import as_scaled, to_plain
from .scaled_products import multiply_over
from .sums import SumParams

__all__ = ["NANPROD", "PROD", "ProductKernel"]


@dataclass(frozen=True, slots=True)
class ProductKernel:
    """Partials are products of the shape of the kept elements; of floats, mantissas and exponents.

    Parameters
    ----------
    narrow : numpy.dtype
        What elements are cast to first: the result's dtype, as NumPy's ``dtype=`` does.
    compute : numpy.dtype
        What products are computed in.
    result : numpy.dtype
    skip_nan : bool
        Take NaN as one.
    """

    narrow: np.dtype[Any]
    compute: np.dtype[Any]
    result: np.dtype[Any]
    skip_nan: bool

    @property
    def piece_elements(self) -> int:
        """Elements are cast to 8 bytes: half of a core's cache."""
        return (256 << 10) // self.compute.itemsize

    @property
    def is_exact(self) -> bool:
        """Integers multiply exactly, modulo 2^64."""
        return self.compute.kind in "iu"

    def fold(self, xp: Namespace, piece: Any, axes: tuple[int, ...], origin: Shape) -> tuple[Any, ...]:
        """Return the products of a piece."""
        x, reduced = collapse_piece(xp, piece, axes)
        if self.skip_nan:
            x = xp.where(xp.isnan(x), xp.ones_like(x), x)
        x = cast(xp, cast(xp, x, getattr(xp, self.narrow.name)), getattr(xp, self.compute.name))
        if self.compute.kind in "fc":
            return tuple(xp.reshape(part, (-1,)) for part in multiply_over(xp, x, reduced))
        for axis in reversed(reduced):
            x = xp.prod(x, axis=axis, dtype=x.dtype)
        return (xp.reshape(x, (-1,)),)

    def merge(self, left: Partial, right: Partial) -> Partial:
        """Return the products of two neighbours."""
        with np.errstate(all="ignore"):
            product = left[0] * right[0]
        if len(left) == 1:
            return (product,)
        mantissas, shift = as_scaled(product)
        return mantissas, left[1] + right[1] + shift

    def finish(self, partial: Partial) -> NDArray[Any]:
        """Return the products in the result's dtype."""
        with np.errstate(all="ignore"):
            products = partial[0] if len(partial) == 1 else to_plain(*partial)
            return np.asarray(products.astype(self.result))


def _operation(name: str, summary: str, function: Any, *, skip_nan: bool) -> Operation:
    def oracle(arrays: Sequence[NDArray[Any]], params: SumParams) -> NDArray[Any]:
        return np.asarray(function(arrays[0], axis=params.axis, dtype=params.dtype, keepdims=params.keepdims))

    def build(headers: Sequence[ArrayHeader], params: SumParams, limits: Limits) -> Draft:
        def make_kernel(problem: Problem) -> ProductKernel:
            wide = compute_dtype("product", problem.result, limits.device)
            narrow = problem.result if problem.result.kind in "bfc" and params.dtype else wide
            return ProductKernel(narrow, wide, problem.result, skip_nan=skip_nan and problem.dtype.kind in "fc")

        return draft_reduction(
            headers[0],
            params,
            limits,
            name=name,
            axis=params.axis,
            keepdims=params.keepdims,
            oracle=oracle,
            make_kernel=make_kernel,
        )

    example = f"arraymill run {name} x.npy --axis 0 -o {name}.npy"
    return Operation(name, summary, example, ("x",), SumParams, build, oracle)


PROD = _operation("prod", "Product of the elements over axes", np.prod, skip_nan=False)
NANPROD = _operation("nanprod", "Product over axes, NaN taken as one", np.nanprod, skip_nan=True)
