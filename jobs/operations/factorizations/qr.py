"""qr: ``x = q @ r``, q orthonormal and r upper triangular with a real diagonal that is not negative.

Tall arrays by a direct TSQR (`row_blocks`) in float64; the results are rounded once. NumPy leaves the signs to LAPACK;
with the diagonal of r not negative the factors of a matrix of full rank are unique, whatever the blocks.

Accuracy, with the Frobenius norm and eps of the results' dtype: ``|x - q r| <= 10 eps sqrt(n) |x|`` and
``|q^H q - 1| <= 10 eps sqrt(n)``, of less than full rank too. Where many rows are equal, the dot products of LAPACK's
reflections are all rounded in one direction: there both go beyond that, as NumPy's do, by 4 and 14 times at the worst
that was seen (docs/accuracy.md). NaN and infinities make NaN of q, and of r wherever they do in NumPy.

References
----------
N. J. Higham, "Accuracy and Stability of Numerical Algorithms", 2nd ed. (2002), theorem 19.4.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ...headers import ArrayHeader
from ...limits import Limits
from ...stages.shapes import Draft
from ..chain import Chain, Step
from ..elementwise.map import MAP
from ..operation import Operation, Params
from .factors import FACTORS
from .matrices import check_matrix
from .packed import SolveKernel, draft_solution, part_steps
from .rotated import ROTATED
from .row_blocks import choose_rows, wide_dtype
from .tall_product import TALL_PRODUCT
from .tall_qr import thin_product

__all__ = ["QR", "QrParams", "fix_diagonal"]


class QrParams(Params):
    """Parameters of qr."""

    mode: Literal["reduced", "r"] = Field("reduced", description="r: only the triangular factor, in one pass")


def _chain(headers: Sequence[ArrayHeader], params: QrParams, limits: Limits) -> Chain:
    header, dtype = headers[0], check_matrix("qr", headers[0])
    m, n = header.shape
    if m < n:
        return _wide_chain(header, dtype, params)
    q, r = ("q", (m, n), dtype), ("r", (n, n), dtype)
    parts = (q, r) if params.mode == "reduced" else (r,)
    outputs = tuple((name, name) for name, *_ in parts)
    if header.size == 0:
        return Chain(part_steps("x", parts), outputs)
    rows = choose_rows(m, n, header.dtype, limits)
    if m <= rows:
        return Chain((Step("solved", _SOLVE, ("x",), {"mode": params.mode}), *part_steps("solved", parts)), outputs)
    factors = Step("factors", FACTORS, ("x",), {"rows": rows})
    tree = Step("tree", QR, ("factors",), {"mode": params.mode})
    rounded = Step("r", MAP, ("tree.r",), {"expr": "x", "dtype": dtype.name})
    if params.mode == "r":
        return Chain((factors, tree, rounded), outputs)
    product = Step("q", TALL_PRODUCT, ("x", "factors", "tree"), {"rows": rows, "dtype": dtype.name})
    return Chain((factors, tree, product, rounded), outputs)


def _wide_chain(header: ArrayHeader, dtype: np.dtype[Any], params: QrParams) -> Chain:
    """Return the steps for fewer rows than columns: q of the leading square, and what it makes of every column."""
    m, n = header.shape
    is_reduced = params.mode == "reduced"
    outputs = (("q", "q"), ("r", "r")) if is_reduced else (("r", "r"),)
    if header.size == 0:
        return Chain(part_steps("x", (("q", (m, m), dtype), ("r", (m, n), dtype))), outputs)
    lead = Step("lead", _SOLVE, ("x",), {"mode": "q"})
    rotation = part_steps("lead", (("rotation", (m, m), wide_dtype(dtype)),))
    rounded = Step("q", MAP, ("rotation",), {"expr": "x", "dtype": dtype.name})
    rotated = Step("r", ROTATED, ("x", "rotation"), {"dtype": dtype.name})
    return Chain((lead, *rotation, *((rounded,) if is_reduced else ()), rotated), outputs)


def _phases(x: NDArray[Any]) -> NDArray[Any]:
    """Return ``x / |x|``, and 1 of 0 and of NaN."""
    size = np.abs(x)
    if x.dtype.kind != "c":
        return np.asarray(np.divide(x, size, out=np.ones_like(x), where=size > 0))
    # NumPy's quotient of complex numbers takes 1 / |x|, which is infinite for the smallest
    larger = np.where(size > 0, np.maximum(np.abs(x.real), np.abs(x.imag)), 1)
    unit = np.where(size > 0, x.real / larger + 1j * (x.imag / larger), 1)
    return np.asarray(unit / np.abs(unit))


class _SolveParams(Params):
    mode: Literal["reduced", "r", "q"]


@dataclass(frozen=True, slots=True)
class _Solver:
    """q and r of a whole matrix, or one of them, with r's diagonal not negative."""

    mode: str

    def __call__(self, blocks: Sequence[NDArray[Any]]) -> Sequence[NDArray[Any]]:
        x = blocks[0].astype(wide_dtype(blocks[0].dtype), copy=False)
        q, r = fix_diagonal(*thin_product(np, x, np.eye(min(x.shape))))
        return {"reduced": (q, r), "q": (q,), "r": (r,)}[self.mode]


def fix_diagonal(q: NDArray[Any], r: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the factors of the same matrix with a diagonal of r that is real and not negative.

    >>> fix_diagonal(np.array([[-1.0]]), np.array([[-3.0]]))
    (array([[1.]]), array([[3.]]))
    """
    diagonal = np.diagonal(r)
    size = np.abs(diagonal)
    phase = _phases(diagonal)
    r = r * phase.conj()[:, None]
    np.fill_diagonal(r, np.where(np.isnan(size), diagonal, size))
    return q * phase, r


def _build_solve(headers: Sequence[ArrayHeader], params: _SolveParams, limits: Limits) -> Draft:
    header = headers[0]
    m, n = header.shape
    side = min(m, n)
    if params.mode == "q":
        header = ArrayHeader(header.name, (m, side), header.dtype)
    shapes = {"reduced": ((m, side), (side, n)), "q": ((m, side),), "r": ((side, n),)}[params.mode]
    kernel = SolveKernel(_Solver(params.mode), "the QR factorization")
    flops = 6 * m * side * side
    return draft_solution([header], limits, kernel=kernel, shapes=shapes, dtype=wide_dtype(header.dtype), flops=flops)


def _solve_oracle(arrays: Sequence[NDArray[Any]], params: _SolveParams) -> NDArray[Any]:
    return np.concatenate([factor.ravel() for factor in _Solver(params.mode)(arrays)])


_SOLVE = Operation(
    "solve_qr", "The factors of one block", "arraymill plan qr x.npy", ("x",), _SolveParams, _build_solve, _solve_oracle
)


def _oracle(arrays: Sequence[NDArray[Any]], params: QrParams) -> tuple[NDArray[Any], ...]:
    q, r = fix_diagonal(*np.linalg.qr(arrays[0]))
    return (q, r) if params.mode == "reduced" else (r,)


QR = Operation(
    "qr",
    "QR factorization x = q @ r of a tall array, q orthonormal, diagonal of r not negative",
    "arraymill run qr x.npy -o q.npy",
    ("x",),
    QrParams,
    None,
    _oracle,
    chain=_chain,
)
