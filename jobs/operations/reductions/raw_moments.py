"""Sums and sums of squares of an array in short blocks, for variances in two reads and no writes. NumPy only.

``M2 = sum x^2 - (sum x)^2 / n`` cancels where the mean is large beside the deviations: then half of the digits of sum
x^2, or all, belong to the mean. Taken for a small piece, in float64 above blocks this short, and believed only where
nothing cancels (`trusted_m2`), it is as good as the shifted form, and three times as fast: nothing is written, and the
piece is read from memory once and from the cache once.

Error, with u the unit roundoff of x: blocks of ROWS rows cost ROWS roundings per element, blocks of RUN elements along
the last axis, in at least 8 accumulators, RUN / 8 + 3. With k that number, |error of M2| <= 3 k u sum x^2, and sum x^2
is at most CONDITION M2 where the result is believed: 96 u M2 over rows, 228 u M2 along the last axis. Rounding errors
of many blocks make up for one another, but those of one short row do not: rows of less than LONG float32 elements are
taken in float64, where a mean that is a thousand deviations large does no harm.

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

__all__ = ["CONDITION", "CONDITION_WIDE", "raw_moments", "trusted_m2"]

ROWS = 8
"""Rows of one block along any axis but the last."""
RUN = 128
"""Elements of one block along the last axis."""
CONDITION = 4.0
"""The largest sum x^2 / M2 that is believed: the mean is at most sqrt(3) standard deviations."""
CONDITION_WIDE = 2.0**20
"""The same for float32 in float64: what is lost, 3 k 2^-53 2^20, is below half a unit of float32."""
LONG = 1 << 14
"""Elements of a row whose blocks are so many that their errors make up for one another."""
_WIDE = 64


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
    is_widened = x.dtype == np.float32 and x.ndim > 1 and axes[-1] == x.ndim - 1 and x.shape[-1] < LONG
    if is_widened:
        wide = thread_workspace().take("kernel-wide", x.shape, np.dtype(np.float64))
        np.copyto(wide, x)
        x = wide
    condition = CONDITION_WIDE if is_widened else CONDITION
    return _total(x, axes, is_squared=False), _total(x, axes, is_squared=True), condition


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


def _total(x: NDArray[Any], axes: tuple[int, ...], *, is_squared: bool) -> NDArray[np.float64]:
    *outer, last = axes
    blocks = _along_last(x, is_squared) if last == x.ndim - 1 else _along_rows(x, last, is_squared)
    for axis in reversed(outer):
        blocks = blocks.sum(axis=axis)
    return blocks.reshape(-1)


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
    return np.asarray(np.einsum(f"{','.join([axes] * len(operands))}->{kept}", *operands))
