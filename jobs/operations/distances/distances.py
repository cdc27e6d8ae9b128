"""Distances between the rows of two matrices, so that equal rows are at distance exactly 0.

===========  ==========================================  =====================================
metric       of rows a and b                             computed
===========  ==========================================  =====================================
sqeuclidean  sum (a - b)^2                               see below
euclidean    its root                                    see below
cosine       1 - a.b / (|a| |b|), NaN for a row of 0     half of sqeuclidean of a/|a| and b/|b|
cityblock    sum |a - b|                                 from differences; `column_sums`
dot          a.b, which is no distance                   by one product
===========  ==========================================  =====================================

The well-known expansion ``|a|^2 + |b|^2 - 2 a.b`` is one product, fast, and wrong for rows that are near each other:
what is left of two large numbers is their rounding. With u = 2^-53, all of it in float64, and both rows taken from a
common centre c, the mean of a tile of b, its error is at most::

    E = 4 (d + 6) u S,    S = |a - c|^2 + |b - c|^2

(Higham 2002, equation 3.5: d + 2 products in one sum, norms of d squares, the subtraction of c, 2 |a||b| <= S). So it
is used where it says more than ``near (d + 6) S``: there the error of a square is below ``4 u / near`` of it, and that
of its root below half of that: 2^-36 with NEAR = 2^-16, 2^-28 with NEAR_FLOAT32 = 2^-24, an eighth of what rounding to
float32 costs. Pairs that are nearer are computed again from their differences, whose squares are within (d + 2) u; so
are all pairs of few columns, and tiles with a row that is not finite, or whose square is not.

References
----------
N. J. Higham, "Accuracy and Stability of Numerical Algorithms", 2nd ed. (2002), equations 3.4 and 3.5.
"""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ...stages.kernels import Namespace

__all__ = [
    "FEW_COLUMNS",
    "NEAR",
    "NEAR_FLOAT32",
    "Metric",
    "column_sums",
    "distances",
    "expand_squares",
    "finish_distances",
    "pair_distances",
    "to_unit",
    "true_pairs",
    "wide_rows",
]

Metric: TypeAlias = Literal["euclidean", "sqeuclidean", "cosine", "cityblock", "dot"]

FEW_COLUMNS = 6
"""So many are subtracted one after another as fast as they are multiplied."""
NEAR, NEAR_FLOAT32 = 2.0**-16, 2.0**-24
_MANY = 3
"""When one pair of so many is near, all are computed from differences, column by column: that takes a third of the time
per pair."""
_CACHED = 1 << 15
"""Distances that are added to at once, so that they and their terms stay in cache."""
_GROUP = 16
"""Columns of float32 that are added before they go to float64."""
_GATHERED, _GATHERED_ON_DEVICE = 1 << 17, 1 << 22
"""Elements of the pairs that are subtracted at once: they stay in cache, or fill a GPU."""


def wide_rows(xp: Namespace, rows: Any) -> Any:
    """Return rows in float64, contiguous."""
    wide = xp.asarray(rows, dtype=xp.float64)
    return np.ascontiguousarray(wide) if xp is np else wide.contiguous()


def distances(xp: Namespace, a: Any, b: Any, metric: Metric, *, near: float = NEAR) -> Any:
    """Return all distances of the rows of a to those of b, squared for euclidean; see `finish_distances`.

    Parameters
    ----------
    xp : array API namespace
    a, b : array (m, d) and (n, d) of float64
        From `wide_rows`.
    metric : Metric
    near : float
        From where on pairs are computed from differences.

    Returns
    -------
    array (m, n) of float64

    Examples
    --------
    >>> a = np.array([[0.0, 0], [3, 4]]) + 1e9
    >>> distances(np, a, a, "sqeuclidean")
    array([[ 0., 25.],
           [25.,  0.]])
    """
    if metric == "dot":
        return xp.matmul(a, b.T)
    if metric == "cityblock":
        return column_sums(xp, a, b, power=1)
    if metric == "cosine":
        half = 0.5 * _squares(xp, to_unit(xp, a), to_unit(xp, b), near)
        return xp.where(half > 2, xp.asarray(2.0, dtype=half.dtype), half)
    return _squares(xp, a, b, near)


def finish_distances(xp: Namespace, values: Any, metric: Metric) -> Any:
    """Return distances of the squares that euclidean ones are computed as.

    >>> finish_distances(np, np.array([25.0]), "euclidean")
    array([5.])
    """
    return xp.sqrt(values) if metric == "euclidean" else values


def to_unit(xp: Namespace, rows: Any) -> Any:
    """Return rows divided by their lengths, NaN for rows of 0; no square overflows. Rows of nothing are of 0.

    >>> to_unit(np, np.array([[3e200, 4e200]]))
    array([[0.6, 0.8]])
    """
    if not rows.shape[1]:
        return xp.full((rows.shape[0], 1), np.nan, dtype=rows.dtype, device=rows.device)
    with np.errstate(all="ignore"):
        scaled = rows / xp.max(xp.abs(rows), axis=1, keepdims=True)
        return scaled / xp.sqrt(_row_sums(xp, scaled * scaled))[:, None]


def pair_distances(xp: Namespace, a: Any, b: Any, rows: Any, columns: Any, metric: Metric) -> Any:
    """Return the distances of some pairs from their differences, squared for euclidean.

    The same two rows give the same bits, and equal rows 0, wherever they are.

    Parameters
    ----------
    a, b : array of float64
    rows, columns : array of int64
        Numbers of the rows of a and of b, pair by pair.
    metric : Metric
    """
    step = max((_GATHERED if xp is np else _GATHERED_ON_DEVICE) // max(a.shape[1], 1), 1)
    parts = [
        _gathered(xp, a[rows[start : start + step]], b[columns[start : start + step]], metric)
        for start in range(0, rows.shape[0], step)
    ]
    return xp.concat(parts) if parts else xp.zeros((0,), dtype=xp.float64, device=a.device)


def _gathered(xp: Namespace, left: Any, right: Any, metric: Metric) -> Any:
    with np.errstate(all="ignore"):
        if metric == "dot":
            return _row_sums(xp, left * right)
        if metric == "cosine":
            left, right = to_unit(xp, left), to_unit(xp, right)
        difference = left - right
        if metric == "cityblock":
            return _row_sums(xp, xp.abs(difference))
        sums = _row_sums(xp, difference * difference)
        return 0.5 * sums if metric == "cosine" else sums


def _row_sums(xp: Namespace, x: Any) -> Any:
    """Return the sum of each row, in an order that depends on its length alone (torch's depends on the shape)."""
    if xp is np:
        return np.add.reduce(x, axis=1)
    while x.shape[1] > 1:
        half = x.shape[1] // 2
        paired = x[:, :half] + x[:, half : 2 * half]
        x = paired if x.shape[1] % 2 == 0 else xp.concat([paired, x[:, 2 * half :]], axis=1)
    return x[:, 0] if x.shape[1] else xp.zeros((x.shape[0],), dtype=x.dtype, device=x.device)


def _squares(xp: Namespace, a: Any, b: Any, near: float) -> Any:
    if a.shape[1] <= FEW_COLUMNS:
        return column_sums(xp, a, b, power=2)
    squares, a_norms, b_norms = expand_squares(xp, a, b)
    if not bool(xp.isfinite(xp.max(a_norms) + xp.max(b_norms))):
        return column_sums(xp, a, b, power=2)
    nearest = near * (a.shape[1] + 6)
    # by the largest norm first: one comparison for most pairs
    rows, columns = true_pairs(xp, squares < (nearest * (a_norms + xp.max(b_norms)))[:, None])
    is_near = squares[rows, columns] < nearest * (a_norms[rows] + b_norms[columns])
    rows, columns = rows[is_near], columns[is_near]
    if rows.shape[0] * _MANY > squares.shape[0] * squares.shape[1]:
        return column_sums(xp, a, b, power=2)
    squares[rows, columns] = pair_distances(xp, a, b, rows, columns, "sqeuclidean")
    return squares


def true_pairs(xp: Namespace, mask: Any) -> tuple[Any, Any]:
    """Return the rows and the columns where a matrix is true; on a CPU four times as fast as `nonzero`.

    >>> true_pairs(np, np.array([[False, True], [True, False]]))
    (array([0, 1]), array([1, 0]))
    """
    (flat,) = xp.nonzero(xp.reshape(mask, (-1,)))
    return flat // mask.shape[1], flat % mask.shape[1]


def expand_squares(xp: Namespace, a: Any, b: Any) -> tuple[Any, Any, Any]:
    """Return all squared distances by the expansion, and the squared norms of the rows, from a common centre.

    >>> [x.tolist() for x in expand_squares(np, np.array([[3.0, 4]]), np.array([[0.0, 0]]))]
    [[[25.0]], [25.0], [0.0]]
    """
    with np.errstate(all="ignore"):
        middle = xp.mean(b, axis=0)
        middle = xp.where(xp.isfinite(middle), middle, xp.zeros_like(middle))
        a, b = a - middle, b - middle
        a_norms, b_norms = _row_sums(xp, a * a), _row_sums(xp, b * b)
        left = xp.concat([-2.0 * a, a_norms[:, None], xp.ones_like(a_norms)[:, None]], axis=1)
        right = xp.concat([b, xp.ones_like(b_norms)[:, None], b_norms[:, None]], axis=1)
        return xp.matmul(left, right.T), a_norms, b_norms


def column_sums(xp: Namespace, a: Any, b: Any, *, power: Literal[1, 2]) -> Any:
    """Return the sums of absolute differences, or of their squares, column by column; of float32 within 17 * 2^-24."""
    if xp is not np:
        found = xp.cdist(a, b, p=float(power), compute_mode="donot_use_mm_for_euclid_dist")
        return found if power == 1 else found * found
    total = np.empty((a.shape[0], b.shape[0]))
    right, n_rows = np.ascontiguousarray(b.T), max(_CACHED // max(b.shape[0], 1), 1)
    for start in range(0, a.shape[0], n_rows):
        _add_columns(a[start : start + n_rows], right, total[start : start + n_rows], power)
    return total


def _add_columns(a: NDArray[Any], b_columns: NDArray[Any], total: NDArray[Any], power: int) -> None:
    step = _GROUP if a.dtype == np.float32 else max(len(b_columns), 1)
    part, scratch = np.empty(total.shape, a.dtype), np.empty(total.shape, a.dtype)
    total[...] = 0
    with np.errstate(all="ignore"):
        for column, right in enumerate(b_columns):
            difference = part if column % step == 0 else scratch
            np.subtract(a[:, column, None], right, out=difference)
            if power == 1:
                np.absolute(difference, out=difference)
            else:
                np.multiply(difference, difference, out=difference)
            if column % step:
                part += difference
            if (column + 1) % step == 0 or column + 1 == len(b_columns):
                total += part
