"""lstsq: the x of least ``|a @ x - b|``, as `numpy.linalg.lstsq`, of tall arrays.

a and b are read once and together: TSQR turns the joined ``[a b]`` into a stack of small factors (`row_blocks`), by
reflections alone, and the least squares problem of the stack is that of the arrays, its residuals included. LAPACK's
gelsd solves it in float64, so that x is the exact answer for a and b that are changed by little: backward stable, and
of less than full rank the shortest x, as NumPy's.

Beside x: residuals, the sums of squares ``|a @ x - b|^2`` of each column of b (also of less than full rank, where
NumPy has none; empty where a has no more rows than columns); the rank; the singular values s of a. NaN and infinities
are refused, as NumPy refuses them.

References
----------
N. J. Higham, "Accuracy and Stability of Numerical Algorithms", 2nd ed. (2002), theorem 20.3.
"""

from __future__ import annotations

import math
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
from ...stages.shapes import Draft
from ..chain import Chain, Step
from ..operation import Operation, Params
from .factors import FACTORS
from .matrices import check_matrix, real_dtype
from .packed import SolveKernel, draft_solution, part_steps
from .row_blocks import choose_rows, wide_dtype

__all__ = ["LSTSQ", "LstsqParams"]

_WAY_OUT = "solve for fewer columns of b at a time"


class LstsqParams(Params):
    """Parameters of lstsq."""

    rcond: float | None = Field(
        None,
        description="singular values below rcond times the largest count as zero; "
        "by default eps of the dtype times the longer side, as NumPy",
    )


def _chain(headers: Sequence[ArrayHeader], params: LstsqParams, limits: Limits) -> Chain:
    a, b = headers
    dtype = _check(a, b)
    (m, n), columns = a.shape, b.shape[1:]
    n_sides = math.prod(columns)
    parts: list[tuple[str, Shape, np.dtype[Any]]] = [
        ("x", (n, *columns), dtype),
        ("residuals", (n_sides,) if m > n else (0,), real_dtype(dtype)),
        ("rank", (), np.dtype(np.int64)),
        ("s", (min(m, n),), real_dtype(dtype)),
    ]
    rcond = float(np.finfo(dtype).eps) * max(m, n) if params.rcond is None else params.rcond
    problem = {"m": m, "n": n, "n_sides": n_sides, "rcond": rcond}
    is_empty = m * (n + n_sides) == 0
    rows = m if is_empty else _rows(m, n + n_sides, np.result_type(a.dtype, b.dtype), limits)
    if m <= rows:
        steps: tuple[Step, ...] = (Step("solved", _SOLVE, ("a", "b"), problem),)
    else:
        factors = Step("factors", FACTORS, ("a", "b"), {"rows": rows})
        steps = (factors, Step("solved", _STACKED, ("factors",), problem))
    return Chain((*steps, *part_steps("solved", parts)), tuple((name, name) for name, *_ in parts))


def _rows(m: int, n: int, dtype: np.dtype[Any], limits: Limits) -> int:
    return choose_rows(m, n, dtype, limits, way_out=_WAY_OUT)


def _check(a: ArrayHeader, b: ArrayHeader) -> np.dtype[Any]:
    """Return the dtype of x."""
    if b.ndim not in (1, 2):
        raise SpecError(f"lstsq: b has {b.ndim} axes", cause="1 or 2 are expected", next="reshape b to two axes")
    matrix = check_matrix("lstsq", a)
    sides = check_matrix("lstsq", ArrayHeader(b.name, (b.shape[0], math.prod(b.shape[1:])), b.dtype))
    if a.shape[0] != b.shape[0]:
        raise SpecError(
            "lstsq: Incompatible dimensions",
            cause=f"a has {a.shape[0]} rows and b has {b.shape[0]}",
            safe="nothing was read or written",
            next="give b one row for each row of a",
        )
    return np.result_type(matrix, sides)


class _ProblemParams(Params):
    m: int
    n: int
    n_sides: int
    rcond: float


@dataclass(frozen=True, slots=True)
class _Solver:
    """The least squares problem of a and b, or of a and b side by side; `m` rows and `n` columns of a at first."""

    m: int
    n: int
    rcond: float

    def __call__(self, blocks: Sequence[NDArray[Any]]) -> Sequence[NDArray[Any]]:
        joined = np.hstack([block.reshape(len(block), math.prod(block.shape[1:])) for block in blocks])
        joined = joined.astype(wide_dtype(joined.dtype), copy=False)
        if not np.isfinite(joined).all():
            raise np.linalg.LinAlgError("SVD did not converge in Linear Least Squares")
        a, b = joined[:, : self.n], joined[:, self.n :]
        x, _, rank, s = np.linalg.lstsq(a, b, rcond=self.rcond)
        rest = np.abs(b - a @ x) if self.m > self.n else np.empty((0, 0))
        return x, np.sum(rest * rest, axis=0), np.array([rank]), s


def _build_solve(headers: Sequence[ArrayHeader], params: _ProblemParams, limits: Limits) -> Draft:
    m, dtype = headers[0].shape[0], wide_dtype(np.result_type(*(header.dtype for header in headers)))
    n, n_sides = params.n, params.n_sides
    shapes: list[Shape] = [(n, n_sides), (n_sides,) if params.m > n else (0,), (1,), (min(params.m, n),)]
    kernel = SolveKernel(_Solver(params.m, n, params.rcond), "the least squares problem")
    flops = 4 * m * n * (n + n_sides) + 20 * min(m, n) ** 3
    return draft_solution(headers, limits, kernel=kernel, shapes=shapes, dtype=dtype, flops=flops, way_out=_WAY_OUT)


def _solve_oracle(arrays: Sequence[NDArray[Any]], params: _ProblemParams) -> NDArray[Any]:
    return np.concatenate([part.ravel() for part in _Solver(params.m, params.n, params.rcond)(arrays)])


_SOLVE = Operation(
    "solve_lstsq",
    "The least squares problem of one block",
    "arraymill plan lstsq a.npy b.npy",
    ("a",),
    _ProblemParams,
    _build_solve,
    _solve_oracle,
    variadic=True,
)


def _stacked_chain(headers: Sequence[ArrayHeader], params: _ProblemParams, limits: Limits) -> Chain:
    header = headers[0]
    m, n = header.shape
    rows = _rows(m, n, header.dtype, limits)
    solved = Step("solved", _SOLVE, ("stack",), params.model_dump())
    if m <= rows:
        return Chain((solved,), (("solved", "solved"),))
    factors = Step("factors", FACTORS, ("stack",), {"rows": rows})
    smaller = Step("smaller", _STACKED, ("factors",), params.model_dump())
    return Chain((factors, smaller), (("solved", "smaller"),))


_STACKED = Operation(
    "stacked_lstsq",
    "The least squares problem of a stack of factors",
    "arraymill plan lstsq a.npy b.npy",
    ("stack",),
    _ProblemParams,
    None,
    _solve_oracle,
    chain=_stacked_chain,
)


def _oracle(arrays: Sequence[NDArray[Any]], params: LstsqParams) -> tuple[NDArray[Any], ...]:
    x, residuals, rank, s = np.linalg.lstsq(arrays[0], arrays[1], rcond=params.rcond)
    return x, residuals, np.asarray(rank, np.int64), s


LSTSQ = Operation(
    "lstsq",
    "Linear least squares: the x of least |a @ x - b|, with residuals, rank and singular values",
    "arraymill run lstsq a.npy b.npy -o x.npy",
    ("a", "b"),
    LstsqParams,
    None,
    _oracle,
    chain=_chain,
)
