"""cov and corrcoef: ``(count, mean, M)`` of every piece, merged pairwise; never E[x y] - E[x] E[y].

A piece is shifted by its own means before it is multiplied, so the error is relative to the covariance, not to the
mean: the naive form is off by a factor of 303 for float32 at mean 1000. Products are added up in float64
(`cross_products`).

References
----------
T. F. Chan, G. H. Golub, R. J. LeVeque, "Updating Formulae and a Pairwise Algorithm for Computing Sample Variances",
Stanford STAN-CS-79-773 (1979), equation 2.1, for products of two variables.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ...blocks import Shape
from ...errors import SpecError
from ...headers import ArrayHeader
from ...limits import Limits
from ...stages.kernels import Namespace, Partial
from ...stages.shapes import ConstantStage, Draft
from ..operation import Operation, Params, ask_numpy
from ..reductions.block_sums import block_sums, cast
from ..scratch import scratch_like
from .cross_products import SLAB, add_cross_products, draft_cross_products, leaves_range, samples_first

__all__ = ["CORRCOEF", "COV", "CorrelationParams", "CovarianceKernel", "CovarianceParams"]


class CorrelationParams(Params):
    """Parameters of corrcoef."""

    rowvar: bool = Field(True, description="each row is a variable, each column a sample, as NumPy's; false: columns")


class CovarianceParams(CorrelationParams):
    """Parameters of cov."""

    bias: bool = Field(False, description="divide by n instead of n - 1")
    ddof: int | None = Field(None, description="divide by n - ddof, whatever bias says")

    @property
    def freedom(self) -> int:
        """What is taken from the number of samples."""
        return self.ddof if self.ddof is not None else int(not self.bias)


@dataclass(frozen=True, slots=True)
class CovarianceKernel:
    """Partials are ``(count, means, M)``: M is the sum of products of deviations, n x n.

    Parameters
    ----------
    compute : numpy.dtype
        What deviations are multiplied in.
    result : numpy.dtype
    samples : int
        The axis of samples.
    ddof : int
    is_correlation : bool
        Divide by the standard deviations.
    is_scalar : bool
        One variable, without an axis of its own.
    """

    compute: np.dtype[Any]
    result: np.dtype[Any]
    samples: int
    ddof: int
    is_correlation: bool
    is_scalar: bool

    @property
    def piece_elements(self) -> int:
        """Pieces are cut by samples; see `cross_products`."""
        return (8 << 20) // self.compute.itemsize

    @property
    def is_exact(self) -> bool:
        """Deviations are rounded."""
        return False

    def fold(self, xp: Namespace, piece: Any, axes: tuple[int, ...], origin: Shape) -> tuple[Any, ...]:
        """Return the count, the means and the products of deviations of a piece."""
        x = samples_first(xp, piece, self.samples)
        wide = xp.complex128 if self.compute.kind == "c" else xp.float64
        narrow, count = getattr(xp, self.compute.name), x.shape[0]
        starts = range(0, count, SLAB)
        slabs = [cast(xp, x[start : start + SLAB], narrow) for start in starts]
        shift = cast(xp, sum(_column_sums(xp, slab) for slab in slabs) / count, narrow)
        total, drift = None, 0.0
        for slab in slabs:
            d = xp.subtract(slab, shift, **scratch_like(xp, slab, "deviations"))
            total = self._add(xp, total, d, wide)
            drift = drift + _column_sums(xp, d)
        products = total - _outer(xp, drift) / count
        return xp.full((1,), float(count), dtype=xp.float64), cast(xp, shift, wide) + drift / count, products

    def merge(self, left: Partial, right: Partial) -> Partial:
        """Return the moments of two parts."""
        (n_a, mean_a, m_a), (n_b, mean_b, m_b) = left, right
        with np.errstate(all="ignore"):
            n, delta = n_a + n_b, mean_b - mean_a
            products = m_a + m_b
            products += _outer(np, delta) * (n_a * n_b / n)
            return n, mean_a + delta * (n_b / n), products

    def finish(self, partial: Partial) -> NDArray[Any]:
        """Return covariances or correlations in the result's dtype."""
        (count,), _, products = partial
        with np.errstate(all="ignore"):
            # NumPy takes a divisor below 0 as 0
            c = _correlation(products) if self.is_correlation else products / max(count - self.ddof, 0.0)
            return np.asarray(c[0, 0] if self.is_scalar else c).astype(self.result)

    def _add(self, xp: Namespace, total: Any, d: Any, wide: Any) -> Any:
        if self.compute.kind != "c":
            return add_cross_products(xp, total, d, wide)
        # cov multiplies by the conjugate: sum of d_i conj(d_j)
        product = xp.matmul(d.T, xp.conj(d))
        if product.dtype != wide and leaves_range(xp, product, d):
            d = cast(xp, d, wide)
            product = xp.matmul(d.T, xp.conj(d))
        product = cast(xp, product, wide)
        return product if total is None else total + product


def _column_sums(xp: Namespace, x: Any) -> Any:
    return block_sums(xp, np.ascontiguousarray(x) if xp is np else x, (0,))


def _outer(xp: Namespace, x: Any) -> Any:
    conjugate = xp.conj(x) if x.dtype in (xp.complex64, xp.complex128) else x
    return xp.reshape(x, (-1, 1)) * xp.reshape(conjugate, (1, -1))


def _correlation(products: NDArray[Any]) -> NDArray[Any]:
    if len(products) == 1:
        return np.asarray(products / products)
    deviations = np.sqrt(np.diag(products).real)
    c = products / deviations[:, None]
    c /= deviations[None, :]
    # as NumPy: rounding must not make a correlation larger than 1
    np.clip(c.real, -1, 1, out=c.real)
    if c.dtype.kind == "c":
        np.clip(c.imag, -1, 1, out=c.imag)
    return np.asarray(c)


def _operation(name: str, summary: str, params_model: type[CorrelationParams], *, is_correlation: bool) -> Operation:
    def oracle(arrays: Sequence[NDArray[Any]], params: Any) -> NDArray[Any]:
        chosen = {} if is_correlation else {"bias": params.bias, "ddof": params.ddof}
        return np.asarray(getattr(np, name)(arrays[0], rowvar=params.rowvar, **chosen))

    def build(headers: Sequence[ArrayHeader], params: Any, limits: Limits) -> Draft:
        header = headers[0]
        if header.ndim not in (1, 2):
            raise SpecError(
                f"{name}: {header.name} has {header.ndim} axes",
                cause="NumPy takes a matrix of samples of variables, or one variable",
                next="select one matrix, or reshape the array",
            )
        dtype = header.dtype.newbyteorder("=")
        result = ask_numpy(oracle, [np.eye(2, dtype=dtype)], params, what=name).dtype
        samples = header.ndim - 1 if params.rowvar or header.ndim == 1 else 0
        n_variables = header.shape[1 - samples] if header.ndim == 2 else 1
        is_scalar = n_variables == 1
        shape = () if is_scalar else (n_variables,) * 2
        if header.size == 0:
            answer = ask_numpy(oracle, [np.empty(header.shape, dtype)], params, what=name)
            output = ArrayHeader("output", answer.shape, answer.dtype)
            return Draft(ConstantStage(answer), output, flops=0, task_host_bytes=0, read_bytes=0)
        compute = _compute_dtype(dtype, limits)
        ddof = 0 if is_correlation else params.freedom
        kernel = CovarianceKernel(compute, result, samples, ddof, is_correlation, is_scalar)
        return draft_cross_products(
            header,
            limits,
            kernel=kernel,
            samples=samples,
            compute=compute,
            result=result,
            output_shape=shape,
            notes=_notes(compute, result),
        )

    example = f"arraymill run {name} x.npy --no-rowvar -o {name}.npy"
    return Operation(name, summary, example, ("x",), params_model, build, oracle)


def _compute_dtype(dtype: np.dtype[Any], limits: Limits) -> np.dtype[Any]:
    """Return what deviations are multiplied in: the input's dtype; float64 for integers and where it is asked for."""
    is_complex = dtype.kind == "c"
    narrow = np.dtype(np.complex64 if is_complex else np.float32)
    if dtype.kind in "fc" and dtype.itemsize <= narrow.itemsize and limits.precision != "strict":
        return narrow
    return np.dtype(np.complex128 if is_complex else np.float64)


def _notes(compute: np.dtype[Any], result: np.dtype[Any]) -> tuple[str, ...]:
    if compute.itemsize >= result.itemsize:
        return ()
    return (f"deviations are multiplied in {compute} and added in {result}; --precision strict multiplies in {result}",)


COV = _operation("cov", "Covariance matrix, as numpy.cov", CovarianceParams, is_correlation=False)
CORRCOEF = _operation("corrcoef", "Correlation coefficients, as numpy.corrcoef", CorrelationParams, is_correlation=True)
