"""Sums and sums of squares of an array in short blocks, for variances in two reads and no writes. NumPy only.

``M2 = sum x^2 - (sum x)^2 / n`` cancels where the mean is large beside the deviations: then half of the digits of sum
x^2, or all, belong to the mean. Taken for a small piece, in float64 above blocks this short, and believed only where
nothing cancels (`trusted_m2`), it is as good as the shifted form, and three times as fast: nothing is written, and the
piece is read from memory once and from the cache once.

Error, with u the unit roundoff of x: blocks of ROWS rows cost ROWS roundings per element, blocks of RUN elements along
the last axis, in at least 8 accumulators, RUN / 8 + 3. With k that number, |error of M2| <= 3 k u sum x^2, and sum x^2
is at most CONDITION M2 where the result is believed: 192 u M2 over rows, 228 u M2 along the last axis. Rounding errors
of many blocks make up for one another, but those of one short row do not: rows of less than LONG float32 elements are
taken in float64, where a mean that is hundreds of deviations large does no harm.

References
----------
N. J. Higham, "Accuracy and Stability of Numerical Algorithms", 2nd ed. (2002), sections 1.9 and 4.2.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...workspace import thread_workspace

__all__ = ["CONDITION", "raw_moments", "trusted_m2"]

ROWS = 16
"""Rows of one block along any axis but the last."""
RUN = 128
"""Elements of one block along the last axis."""
CONDITION = 4.0
"""The largest sum x^2 / M2 that is believed: the mean is at most sqrt(3) standard deviations."""
LONG = 1 << 14
"""Elements of a row whose blocks are so many that their errors make up for one another."""
_WIDE = 64
_AT_ONCE = 1 << 20
"""Elements that are taken to float64 at a time: 8 MiB, which stay in the cache that cores share."""


def raw_moments(x: NDArray[Any], axes: tuple[int, ...]) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Return the sums and the sums of squares over `axes`, flat, and the condition up to which they are believed.

    Parameters
    ----------
    x : ndarray of float32 or float64
        C-contiguous and collapsed: reduced and kept axes alternate.
    axes : tuple of int
        The reduced axes, ascending; at least one.

    Examples
    --------
    >>> sums, squares, _ = raw_moments(np.array([[1.0, 2.0], [3.0, 5.0]]), (0,))
    >>> sums.tolist(), squares.tolist()
    ([4.0, 7.0], [10.0, 29.0])
    """
    *outer, last = axes
    length, condition = x.shape[last], CONDITION
    if last != x.ndim - 1:
        sums, squares = (_along_rows(x, last, is_squared) for is_squared in (False, True))
    elif x.dtype == np.float32 and x.ndim > 1 and length < LONG:
        sums, squares = _short_rows(x)
        condition = _wide_condition(length)
    else:
        sums, squares = (_along_last(x, is_squared) for is_squared in (False, True))
    for axis in reversed(outer):
        sums, squares = sums.sum(axis=axis), squares.sum(axis=axis)
    return sums.reshape(-1), squares.reshape(-1), condition


def trusted_m2(
    count: int, sums: NDArray[np.float64], squares: NDArray[np.float64], condition: float = CONDITION
) -> NDArray[np.float64] | None:
    """Return the sums of squared deviations from the mean, or None where they may have cancelled or overflowed.

    Examples
    --------
    >>> trusted_m2(2, np.array([4.0]), np.array([10.0])) is None
    True
    >>> trusted_m2(2, np.array([0.0]), np.array([10.0]))
    array([10.])
    """
    with np.errstate(all="ignore"):
        m2 = squares - sums * (sums / count)
        is_trusted = bool(np.all(condition * m2 >= squares)) and bool(np.all(np.isfinite(squares)))
    return m2 if is_trusted else None


def _wide_condition(length: int) -> float:
    """Return the condition below which float64 loses less than half a unit of float32: 3 k 2^-53 c <= 2^-25."""
    return 2.0**28 / (3 * (length / 8 + 3))


def _short_rows(x: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the moments of short rows, taken in float64 by BLAS: twice as fast as by einsum, if calls are long."""
    n_rows, length = math.prod(x.shape[:-1]), x.shape[-1]
    rows = x.reshape(n_rows, length)
    at_once = max(1, _AT_ONCE // max(1, length))
    sums, squares, ones = np.empty(n_rows), np.empty(n_rows), np.ones(length)
    for start in range(0, n_rows, at_once):
        some = slice(start, min(start + at_once, n_rows))
        wide = thread_workspace().take("kernel-wide", rows[some].shape, np.dtype(np.float64))
        np.copyto(wide, rows[some])
        np.matmul(wide, ones, out=sums[some])
        np.vecdot(wide, wide, out=squares[some])
    return sums.reshape(x.shape[:-1]), squares.reshape(x.shape[:-1])


def _along_last(x: NDArray[Any], is_squared: bool) -> NDArray[np.float64]:
    length = x.shape[-1]
    rows, whole = x.reshape(-1, length), length // RUN * RUN
    total = np.zeros(len(rows))
    if whole:
        total += _sums(rows[:, :whole].reshape(len(rows), -1, RUN), "rci", "rc", is_squared).sum(axis=1, dtype="f8")
    if whole != length:
        total += _sums(rows[:, whole:], "ri", "r", is_squared)
    return total.reshape(x.shape[:-1])


def _along_rows(x: NDArray[Any], axis: int, is_squared: bool) -> NDArray[np.float64]:
    length, before, after = x.shape[axis], x.shape[:axis], x.shape[axis + 1 :]
    whole = length // ROWS * ROWS
    stack = x.reshape(math.prod(before), length, math.prod(after))
    total = np.zeros((len(stack), stack.shape[-1]))
    if whole:
        head = stack[:, :whole]
        if stack.shape[-1] >= _WIDE:
            blocks = _sums(head.reshape(len(stack), -1, ROWS, stack.shape[-1]), "bgij", "bgj", is_squared)
        else:
            # rows of one block lie apart, so that the inner loop stays long
            blocks = _sums(head.reshape(len(stack), ROWS, -1, stack.shape[-1]), "bigj", "bgj", is_squared)
        total += blocks.sum(axis=1, dtype="f8")
    if whole != length:
        total += _sums(stack[:, whole:], "bij", "bj", is_squared)
    return total.reshape(*before, *after)


def _sums(x: NDArray[Any], axes: str, kept: str, is_squared: bool) -> NDArray[Any]:
    # einsum adds one block after the other in one read, without a temporary for the squares
    operands = (x, x) if is_squared else (x,)
    shape = tuple(length for axis, length in zip(axes, x.shape, strict=True) if axis in kept)
    out = thread_workspace().take("kernel-blocks", shape, x.dtype)
    return np.einsum(f"{','.join([axes] * len(operands))}->{kept}", *operands, out=out)
