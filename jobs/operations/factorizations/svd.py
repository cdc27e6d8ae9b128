"""svd: ``x = u @ diag(s) @ vh``, thin; singular values descending, signs fixed.

Tall arrays by a direct TSQR (`row_blocks`): the left singular vectors of the stack of factors are turned into those of
the array by its second pass. Wide arrays as conjugate transposes. In float64; the results are rounded once.

Signs, as scikit-learn's ``svd_flip(u, vh, u_based_decision=False)``: the component of largest magnitude of every row of
vh is positive (its first of several). Of wide arrays vh is the large factor, and columns of u decide.

With `k` the largest k singular values and their vectors, approximated (`randomized_svd`), or computed where all of them
take less than a second; rows of vh decide.

Accuracy, with the Frobenius norm and eps of the results' dtype: ``|x - u s vh| <= 10 eps sqrt(n) |x|``, u and vh
orthonormal within ``10 eps sqrt(n)``, and every singular value within that of the true one (Weyl); where many rows are
equal, as far beyond that as `qr` says. NaN and infinities are refused, where NumPy raises LinAlgError for NaN.

References
----------
G. H. Golub, C. F. Van Loan, "Matrix Computations", 4th ed. (2013), section 8.6 and corollary 8.6.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ...blocks import Shape
from ...headers import ArrayHeader
from ...limits import Limits
from ...stages.shapes import Draft
from ..chain import Chain, Step
from ..elementwise.map import MAP
from ..operation import Operation, Params
from .factors import FACTORS
from .matrices import check_matrix, real_dtype
from .packed import SolveKernel, draft_solution, part_steps
from .randomized_svd import Approximation
from .row_blocks import choose_rows, row_bytes, wide_dtype
from .tall_product import TALL_PRODUCT

__all__ = ["SVD", "SvdParams", "flip_by_rows", "flip_by_smaller"]

_SMALL_FLOPS = 10**9
"""Of all singular vectors: a fraction of a second, in one task; the steps of an approximation take as long to plan."""


class SvdParams(Params):
    """Parameters of svd."""

    compute_uv: bool = Field(True, description="false: the singular values alone, in one pass")
    k: int | None = Field(
        None,
        description="only the largest k, approximated by random projection if the array is not small; by default all",
    )
    seed: int = Field(0, ge=0, lt=1 << 64, description="of the random projection; matters with k alone")
    power_iterations: int = Field(4, ge=0, description="of the random projection: more are more exact, and read more")


def _chain(headers: Sequence[ArrayHeader], params: SvdParams, limits: Limits) -> Chain:
    header, dtype = headers[0], check_matrix("svd", headers[0])
    if params.k is not None:
        return _largest(header, dtype, params, limits)
    m, n = header.shape
    side, is_wide = min(m, n), m < n
    s = ("s", (side,), real_dtype(dtype))
    parts = (("u", (m, side), dtype), s, ("vh", (side, n), dtype)) if params.compute_uv else (s,)
    outputs = tuple((name, name) for name, *_ in parts)
    if header.size == 0:
        return Chain(part_steps("x", parts), outputs)
    rows = choose_rows(max(m, n), side, header.dtype, limits)
    if max(m, n) <= rows:
        solved = Step("solved", _SOLVE, ("x",), {"compute_uv": params.compute_uv})
        return Chain((solved, *part_steps("solved", parts)), outputs)
    factors = Step("factors", FACTORS, ("x",), {"rows": rows, "transposed": is_wide})
    tree = Step("tree", SVD, ("factors",), {"compute_uv": params.compute_uv})
    values = _rounded("s", "tree.s", s[-1])
    if not params.compute_uv:
        return Chain((factors, tree, values), outputs)
    tall, small = ("vh", "u") if is_wide else ("u", "vh")
    product = Step(
        tall,
        TALL_PRODUCT,
        ("x", "factors", "tree"),
        {"rows": rows, "dtype": dtype.name, "transposed": is_wide},
    )
    return Chain((factors, tree, product, values, *_small_vectors(small, (side, side), dtype)), outputs)


def _largest(header: ArrayHeader, dtype: np.dtype[Any], params: SvdParams, limits: Limits) -> Chain:
    """Return the steps to the largest k: all of a small array, of which k are kept."""
    assert params.k is not None
    approximation = Approximation(header, dtype, params.k, params.seed, params.power_iterations)
    if not _is_small(header, limits):
        return approximation.vectors(SVD) if params.compute_uv else approximation.values(SVD)
    approximation.check()
    (m, n), k = header.shape, params.k
    s = ("s", (k,), real_dtype(dtype))
    parts = (("u", (m, k), dtype), s, ("vh", (k, n), dtype)) if params.compute_uv else (s,)
    solved = Step("solved", _SOLVE, ("x",), {"compute_uv": params.compute_uv, "k": k})
    outputs = tuple((name, name) for name, *_ in parts)
    return Chain((solved, *part_steps("solved", parts)), outputs, (f"k={k}: computed, as the array is small",))


def _is_small(header: ArrayHeader, limits: Limits) -> bool:
    longer, side = max(header.shape), min(header.shape)
    is_one_block = limits.block_bytes is None or header.nbytes <= limits.block_bytes
    fits = longer * row_bytes(side, header.dtype) <= limits.task_host_bytes
    return is_one_block and fits and _flops(*header.shape) <= _SMALL_FLOPS


def _flops(m: int, n: int) -> int:
    return 6 * m * n * min(m, n) + 20 * min(m, n) ** 3


def _rounded(name: str, source: str, dtype: np.dtype[Any]) -> Step:
    return Step(name, MAP, (source,), {"expr": "x", "dtype": dtype.name})


def _small_vectors(name: str, shape: Shape, dtype: np.dtype[Any]) -> tuple[Step, ...]:
    """Return the steps of the square factor: vh of the stack, or its conjugate transpose as u of a wide array."""
    if name == "vh":
        return (_rounded("vh", "tree.vh", dtype),)
    return Step("adjoint", _ADJOINT, ("tree.vh",)), *part_steps("adjoint", (("u", shape, dtype),))


def flip_by_rows(u: NDArray[Any], vh: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the same factors with the largest component of each row of `vh` real and positive.

    Examples
    --------
    >>> flip_by_rows(np.array([[1.0]]), np.array([[-1.0]]))
    (array([[-1.]]), array([[1.]]))
    """
    largest = vh[np.arange(len(vh)), np.argmax(np.abs(vh), axis=1)]
    size = np.abs(largest)
    phase = np.divide(largest, size, out=np.ones_like(largest), where=size > 0)
    return u * phase, vh * phase.conj()[:, None]


def flip_by_smaller(u: NDArray[Any], vh: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the same factors, signs fixed by rows of `vh`, or by columns of `u` where those are shorter."""
    if vh.shape[1] <= u.shape[0]:
        return flip_by_rows(u, vh)
    right, left = flip_by_rows(vh.conj().T, u.conj().T)
    return left.conj().T, right.conj().T


@dataclass(frozen=True, slots=True)
class _Solver:
    """The thin SVD of a whole matrix, or its singular values."""

    compute_uv: bool
    k: int | None = None

    def __call__(self, blocks: Sequence[NDArray[Any]]) -> Sequence[NDArray[Any]]:
        x = blocks[0].astype(wide_dtype(blocks[0].dtype), copy=False)
        if not np.isfinite(x).all():
            # LAPACK gives up where it finds NaN, and gives NaN for inf
            raise np.linalg.LinAlgError("SVD did not converge")
        if not self.compute_uv:
            return (np.linalg.svd(x, compute_uv=False)[: self.k],)
        u, s, vh = np.linalg.svd(x, full_matrices=False)
        if self.k is None:
            u, vh = flip_by_smaller(u, vh)
            return u, s, vh
        u, vh = flip_by_rows(u[:, : self.k], vh[: self.k])
        return u, s[: self.k], vh


class _SolveParams(Params):
    compute_uv: bool
    k: int | None = None


def _build_solve(headers: Sequence[ArrayHeader], params: _SolveParams, limits: Limits) -> Draft:
    m, n = headers[0].shape
    side = min(m, n) if params.k is None else params.k
    shapes = ((m, side), (side,), (side, n)) if params.compute_uv else ((side,),)
    kernel = SolveKernel(_Solver(params.compute_uv, params.k), "the SVD")
    dtype = wide_dtype(headers[0].dtype)
    return draft_solution(headers, limits, kernel=kernel, shapes=shapes, dtype=dtype, flops=_flops(m, n))


def _solve_oracle(arrays: Sequence[NDArray[Any]], params: _SolveParams) -> NDArray[Any]:
    return np.concatenate([factor.ravel() for factor in _Solver(params.compute_uv, params.k)(arrays)])


_SOLVE = Operation(
    "solve_svd", "The SVD of one block", "arraymill plan svd x.npy", ("x",), _SolveParams, _build_solve, _solve_oracle
)


def _conjugate(blocks: Sequence[NDArray[Any]]) -> Sequence[NDArray[Any]]:
    return (blocks[0].conj().T,)


def _build_adjoint(headers: Sequence[ArrayHeader], params: Params, limits: Limits) -> Draft:
    header = headers[0]
    kernel = SolveKernel(_conjugate, "the factor of the stack")
    return draft_solution(headers, limits, kernel=kernel, shapes=[header.shape[::-1]], dtype=header.dtype, flops=0)


_ADJOINT = Operation(
    "adjoint",
    "The conjugate transpose of a small matrix",
    "arraymill plan svd x.npy",
    ("x",),
    Params,
    _build_adjoint,
    lambda arrays, params: arrays[0].conj().T.ravel(),
)


def _oracle(arrays: Sequence[NDArray[Any]], params: SvdParams) -> tuple[NDArray[Any], ...]:
    if not params.compute_uv:
        return (np.linalg.svd(arrays[0], compute_uv=False)[: params.k],)
    u, s, vh = np.linalg.svd(arrays[0], full_matrices=False)
    if params.k is not None:
        u, vh = flip_by_rows(u[:, : params.k], vh[: params.k])
        return u, s[: params.k], vh
    u, vh = flip_by_smaller(u, vh)
    return u, s, vh


SVD = Operation(
    "svd",
    "Thin singular value decomposition x = u @ diag(s) @ vh of a tall or wide array",
    "arraymill run svd x.npy -o u.npy",
    ("x",),
    SvdParams,
    None,
    _oracle,
    chain=_chain,
)
