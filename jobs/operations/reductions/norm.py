"""norm: `numpy.linalg.norm` for vectors, Frobenius for matrices; scaled, so that squares neither overflow nor vanish.

References
----------
J. L. Blue, "A Portable Fortran Program to Find the Euclidean Norm of a Vector", ACM TOMS 4 (1978), section 2: sums of
squares of scaled elements; the scales here are powers of two, so that scaling does not round.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator, Field

from ...blocks import Shape
from ...errors import SpecError
from ...headers import ArrayHeader
from ...limits import Limits
from ...stages.kernels import Namespace, Partial
from ...stages.shapes import Draft
from ..operation import Operation, Params
from ..scratch import scratch_like
from .axes import Axes, normalize_axes
from .block_sums import block_sums, cast
from .reduction import Problem, collapse_piece, draft_reduction

__all__ = ["NORM", "NormKernel", "NormParams"]


def _parse_order(value: object) -> object:
    if isinstance(value, str) and value.lower() in {"none", ""}:
        return None
    if isinstance(value, str) and value.lower() != "fro":
        return float(value)
    return value.lower() if isinstance(value, str) else value


Order = Annotated[float | str | None, BeforeValidator(_parse_order)]


class NormParams(Params):
    """Parameters of norm."""

    ord: Order = Field(None, description="1, 2, inf, -inf, 0 or another number for vectors; fro for matrices")
    axis: Axes = Field(None, description="one axis: vector norms; two: Frobenius; all elements when left out")
    keepdims: bool = Field(False, description="keep reduced axes with length 1")


@dataclass(frozen=True, slots=True)
class NormKernel:
    """Partials are ``(exponents, sums)``: sum of (|x| / 2^exponent)^p, of the shape of the kept elements.

    Parameters
    ----------
    p : float
        The order: finite and not zero, inf or -inf for extrema, 0 to count.
    compute : numpy.dtype
        What elements are cast to, scaled and raised in.
    result : numpy.dtype
    """

    p: float
    compute: np.dtype[Any]
    result: np.dtype[Any]

    @property
    def piece_elements(self) -> int:
        """The piece and its powers fit in a core's usual 2 MiB of cache."""
        return (1 << 20) // self.compute.itemsize

    @property
    def is_exact(self) -> bool:
        """Powers and their sums are rounded."""
        return False

    def fold(self, xp: Namespace, piece: Any, axes: tuple[int, ...], origin: Shape) -> tuple[Any, ...]:
        """Return exponents and scaled sums of a piece."""
        x, reduced = collapse_piece(xp, piece, axes)
        if self.p == 0:
            sums = _total(xp, cast(xp, x != 0, xp.float64), reduced)
            return xp.zeros_like(sums), sums
        x = cast(xp, x, getattr(xp, self.compute.name))
        magnitudes = xp.abs(x, **(scratch_like(xp, x, "powers") if self.compute.kind == "f" else {}))
        if self.p in (float("inf"), float("-inf")):
            name = "max" if self.p > 0 else "min"
            best = getattr(xp, name)(magnitudes, axis=reduced) if reduced else magnitudes
            best = xp.reshape(cast(xp, best, xp.float64), (-1,))
            return xp.zeros_like(best), best * 1.0
        exponents = _exponents(xp, magnitudes, reduced, "max" if self.p > 0 else "min")
        # a power of two: scaling rounds nothing, and the largest power neither overflows nor vanishes
        magnitudes *= cast(xp, 2.0**-exponents, magnitudes.dtype)
        if self.p == 2:
            magnitudes *= magnitudes
        elif self.p != 1:
            magnitudes **= self.p
        return xp.reshape(exponents, (-1,)), _total(xp, magnitudes, reduced)

    def merge(self, left: Partial, right: Partial) -> Partial:
        """Return the sums of two neighbours, scaled alike."""
        (e_a, s_a), (e_b, s_b) = left, right
        if np.isinf(self.p):
            return e_a, (np.maximum if self.p > 0 else np.minimum)(s_a, s_b)
        with np.errstate(all="ignore"):
            # what is 0, inf or NaN is so on any scale, and must not decide that of the other
            e_a = np.where(np.isfinite(s_a) & (s_a > 0), e_a, e_b)
            e_b = np.where(np.isfinite(s_b) & (s_b > 0), e_b, e_a)
            e = np.maximum(e_a, e_b) if self.p > 0 else np.minimum(e_a, e_b)
            return e, s_a * 2.0 ** (self.p * (e_a - e)) + s_b * 2.0 ** (self.p * (e_b - e))

    def finish(self, partial: Partial) -> NDArray[Any]:
        """Return the norms in the result's dtype."""
        exponents, sums = partial
        with np.errstate(all="ignore"):
            if self.p == 0 or np.isinf(self.p):
                return np.asarray(sums.astype(self.result))
            root = sums if self.p == 1 else np.sqrt(sums) if self.p == 2 else sums ** (1.0 / self.p)
            return np.asarray(np.ldexp(root, exponents.astype(np.int64)).astype(self.result))


def _exponents(xp: Namespace, magnitudes: Any, axes: tuple[int, ...], leader: str) -> Any:
    """Return floor(log2) of the magnitudes that lead the sum, in a shape that broadcasts; 0 where 0, inf or NaN lead.

    The largest lead it, or the smallest where p is negative.
    """
    leading = getattr(xp, leader)(magnitudes, axis=axes, keepdims=True) if axes else magnitudes
    leading = cast(xp, leading, xp.float64)
    usable = xp.isfinite(leading) & (leading > 0)
    exponents = xp.floor(xp.log2(xp.where(usable, leading, xp.ones_like(leading))))
    # 2^-e must be a number of the dtype of the magnitudes
    lowest = -126.0 if magnitudes.dtype == xp.float32 else -1022.0
    return xp.where(exponents < lowest, xp.full_like(exponents, lowest), exponents)


def _total(xp: Namespace, x: Any, axes: tuple[int, ...]) -> Any:
    sums = block_sums(xp, x, axes)
    return xp.reshape(xp.sum(sums) if len(axes) == x.ndim else sums, (-1,))


def _order(params: NormParams, n_axes: int) -> float:
    """Return p, refusing matrix norms that need singular values or whole columns."""
    if n_axes == 2 and params.axis is not None and params.ord not in (None, "fro"):
        raise SpecError(
            f"norm of matrices with ord={params.ord} is not available",
            cause="over two axes only the Frobenius norm is computed (ord left out, or fro)",
            next="use --ord fro, or one --axis for vector norms",
        )
    if params.ord == "fro" and n_axes != 2:
        raise SpecError("norm: ord=fro is for matrices", cause=f"{n_axes} axes are reduced", next="name two axes")
    return 2.0 if params.ord in (None, "fro") else float(params.ord)


def _compute_dtype(problem: Problem) -> np.dtype[Any]:
    """Return what magnitudes are raised in: float32 for float16 and float32 unless strict, else float64."""
    is_complex = problem.dtype.kind == "c"
    if problem.dtype.kind not in "fc" or problem.limits.precision == "strict":
        return np.dtype(np.complex128 if is_complex else np.float64)
    return np.dtype(np.float32) if problem.dtype == np.float16 else problem.dtype


def _oracle(arrays: Sequence[NDArray[Any]], params: NormParams) -> NDArray[Any]:
    norm: Any = np.linalg.norm
    return np.asarray(norm(arrays[0], ord=params.ord, axis=params.axis, keepdims=params.keepdims))


def _build(headers: Sequence[ArrayHeader], params: NormParams, limits: Limits) -> Draft:
    (header,) = headers
    axes = normalize_axes(params.axis, header.ndim)
    if params.axis is None and params.ord is not None and header.ndim == 2:
        params_axis: tuple[int, ...] | int | None = (0, 1)
        p = _order(params.model_copy(update={"axis": (0, 1)}), 2)
    else:
        params_axis, p = params.axis, _order(params, len(axes))

    def make_kernel(problem: Problem) -> NormKernel:
        return NormKernel(p, _compute_dtype(problem), problem.result)

    return draft_reduction(
        header,
        params,
        limits,
        name="norm",
        axis=params_axis,
        keepdims=params.keepdims,
        oracle=_oracle,
        make_kernel=make_kernel,
        flops_per_element=2,
    )


NORM = Operation(
    "norm",
    "Vector norms, or the Frobenius norm, over axes",
    "arraymill run norm x.npy --axis 1 -o lengths.npy",
    ("x",),
    NormParams,
    _build,
    _oracle,
)
