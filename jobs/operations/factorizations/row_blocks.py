"""How the rows of a tall matrix are cut for a direct TSQR, which goes over an array larger than memory twice.

::

    pass 1  FACTORS        x[0] = q0 r0 -> r0          the stack of factors is small: x = diag(q0, q1, q2) [r0]
                           x[1] = q1 r1 -> r1                                                              [r1]
                           x[2] = q2 r2 -> r2                                                              [r2]
    whatever is wanted of the stack: its QR, its SVD, the least squares problem, by the same two passes if it is large
    pass 2  TALL_PRODUCT   x[0] -> q0 -> q0 small[0]   diag(q0, q1, q2) small, written where it is made
                           x[1] -> q1 -> q1 small[1]
                           x[2] -> q2 -> q2 small[2]

Each q is not kept but made once more: reading x again costs less than writing and reading q.

References
----------
A. R. Benson, D. F. Gleich, J. Demmel, "Direct QR factorizations for tall-and-skinny matrices in MapReduce
architectures", IEEE BigData (2013), section III. J. Demmel, L. Grigori, M. Hoemmen, J. Langou,
"Communication-optimal parallel and sequential QR and LU factorizations", SIAM J. Sci. Comput. 34 (2012).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ...blocks import ceil_div
from ...errors import CannotFitError
from ...limits import Limits, room_advice
from ...sizes import format_bytes
from ...stages.kernels import Namespace
from ..reductions.block_sums import cast

__all__ = [
    "FEW_VECTORS",
    "SMALL_FLOPS_PER_S",
    "RowBlocks",
    "choose_rows",
    "cuts_per_task",
    "large_bytes",
    "row_bytes",
    "wide_dtype",
]

_PIECE_BYTES = 32 << 20
"""Of rows in float64 that are factored at once: many more rows than columns, and several fit beside each other."""
_ASPECT, _LEAST_ASPECT = 8, 2
"""Rows are so many times the columns: the stack is so many times smaller than the array."""
FEW_VECTORS = "ask for a few singular vectors: arraymill run svd x.npy --k 20"
_LARGE_SHARE = 4
"""What cannot be cut may take so many times the memory of a task: half of the job's, so that two run at once."""
SMALL_FLOPS_PER_S = 5e9
"""Of one core in factorizations of tall matrices with few columns, as measured: for the prediction alone."""
_LEAST_BLOCK_BYTES, _MOST_BLOCK_BYTES, _N_TASKS = 64 << 20, 4 << 30, 256


def wide_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the dtype that factors are computed in: float64 or complex128."""
    return np.dtype(np.complex128 if dtype.kind == "c" else np.float64)


def choose_rows(m: int, n: int, dtype: np.dtype[Any], limits: Limits, *, way_out: str = FEW_VECTORS) -> int:
    """Return how many rows are factored at once, of m rows of n columns; `way_out` is for who has too many columns.

    Raises
    ------
    CannotFitError
        If there are so many columns that twice as many rows do not fit in half of the memory.

    Examples
    --------
    >>> choose_rows(10_000_000, 100, np.dtype("f4"), Limits())
    41943
    """
    wide, least = wide_dtype(dtype).itemsize, min(_LEAST_ASPECT * n, m)
    wanted = max(_PIECE_BYTES // (wide * n), _ASPECT * n)
    if limits.block_bytes is not None:
        wanted = max(limits.block_bytes // (dtype.itemsize * n), _LEAST_ASPECT * n)
    rows = min(wanted, _room(limits, limits.task_host_bytes) // row_bytes(n, dtype), m)
    room, need = _room(limits, large_bytes(limits)), least * row_bytes(n, dtype)
    if rows < min(wanted, _ASPECT * n):
        # a stack that is not much smaller than the array is a long way to go: more memory is shorter
        rows = min(_ASPECT * n, wanted, room // row_bytes(n, dtype), m)
    if need > room:
        raise CannotFitError(
            f"a QR of {n} columns does not fit in one task",
            cause=f"{least} rows and their factors take {format_bytes(need)}; a task may take {format_bytes(room)}",
            safe="nothing was read or written",
            # the stack of the factors is in float64
            next=room_advice(limits, least * row_bytes(n, wide_dtype(dtype)), way_out),
        )
    return max(rows, least)


def large_bytes(limits: Limits) -> int:
    """Return what a task that works on something whole may take on the host."""
    return limits.task_host_bytes if limits.is_wide else _LARGE_SHARE * limits.task_host_bytes


def _room(limits: Limits, host: int) -> int:
    return host if limits.device == "cpu" else min(host, limits.task_device_bytes)


def row_bytes(n: int, dtype: np.dtype[Any]) -> int:
    """Return what a row takes: as it is read, as it is cast, in LAPACK's copy, in q, and in the product."""
    return n * (dtype.itemsize + 4 * wide_dtype(dtype).itemsize)


def cuts_per_task(read_bytes: int, cut_bytes: int, limits: Limits) -> int:
    """Return how many cuts one task works on, one after another: one where the user chose the size of blocks.

    >>> cuts_per_task(100 << 30, 32 << 20, Limits())
    12
    """
    if limits.block_bytes is not None:
        return 1
    target = min(max(read_bytes // _N_TASKS, _LEAST_BLOCK_BYTES), _MOST_BLOCK_BYTES)
    return max(target // cut_bytes, 1)


@dataclass(frozen=True, slots=True)
class RowBlocks:
    """How the rows of a tall matrix are cut, and where the factor of each cut lies in the stack.

    Parameters
    ----------
    m, n : int
        Rows and columns.
    rows : int
        Of one cut; the last may be shorter.
    transposed : bool
        The matrix is the conjugate transpose of the stored array.

    Examples
    --------
    >>> blocks = RowBlocks(100, 3, 48)
    >>> blocks.stack_rows, blocks.rows_of(3, 7)
    (9, (48, 100))
    """

    m: int
    n: int
    rows: int
    transposed: bool = False

    @property
    def height(self) -> int:
        """Rows of the factor of one cut."""
        return min(self.rows, self.n)

    @property
    def stack_rows(self) -> int:
        """Rows of all factors."""
        return self.m // self.rows * self.height + min(self.m % self.rows, self.n)

    def rows_of(self, start: int, stop: int) -> tuple[int, int]:
        """Return the rows of whole cuts that rows of the stack are made of."""
        return start // self.height * self.rows, min(ceil_div(stop, self.height) * self.rows, self.m)

    def stack_of(self, start: int, stop: int) -> tuple[int, int]:
        """Return the rows of the stack that whole cuts from row `start` to `stop` have."""
        return start // self.rows * self.height, min(ceil_div(stop, self.rows) * self.height, self.stack_rows)

    def load(self, xp: Namespace, block: Any) -> Any:
        """Return a stored region as rows, in float64 or complex128."""
        wide = xp.complex128 if block.dtype in (xp.complex64, xp.complex128) else xp.float64
        x = cast(xp, block, wide)
        if not self.transposed:
            return x
        return xp.conj(x.T) if wide == xp.complex128 else x.T
