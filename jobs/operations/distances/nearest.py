"""The k nearest rows of a database to each query, in one pass over the database, without the matrix of all distances.

::

    database tile   0       1       2      ...      a tile of all distances, thrown away again
    query           |###    |  #    |      |        candidates: what may be nearer than the k-th so far
                     k best  k best  k best         of their own differences, sorted by (distance, row)

A tile's distances are estimates with a known error (`distances`): whatever may belong to the k nearest by its estimate
is computed again from its differences, and those distances alone decide. So the answer is that of sorting all distances
from differences by (distance, row), to the last bit, whatever the tiles are; of equal distances the lowest row comes
first, and NaN last, as NumPy sorts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ...stages.kernels import Namespace
from .distances import FEW_COLUMNS, Metric, column_sums, expand_squares, pair_distances, to_unit, true_pairs, wide_rows

__all__ = ["NO_ROW", "first_of_each", "nearest_rows"]

NO_ROW = np.iinfo(np.int64).max
"""Stands where there are fewer than k rows, with a distance of NaN; it comes last."""
_TILE_ROWS = 2048
_TILE_ELEMENTS, _TILE_ELEMENTS_ON_DEVICE = 1 << 19, 1 << 25
"""Estimates that are made at once: on a CPU 4 MiB of them."""
_TOO_MANY = 16
"""Estimates in float32 that leave more than so many times k candidates to each query are made again in float64."""
_CROWDED = 4
"""A query with more candidates in a tile than so many times k has them cut by the k-th of the tile first; a tile has at
least as many rows."""


@dataclass(slots=True)
class _Best:
    """The k nearest so far: distances and rows, ascending."""

    keys: Any
    rows: Any


def nearest_rows(
    xp: Namespace, queries: Any, database: Any, k: int, metric: Metric, *, first_row: int = 0
) -> tuple[Any, Any]:
    """Return the k nearest rows of a database to each query.

    Parameters
    ----------
    xp : array API namespace
    queries, database : array (m, d) and (n, d)
    k : int
    metric : Metric
        The largest products count as nearest.
    first_row : int
        Number of the first row of `database`.

    Returns
    -------
    keys : array (m, k) of float64
        Distances, ascending; squared for euclidean, negative products for dot.
    rows : array (m, k) of int64

    Examples
    --------
    >>> nearest_rows(np, np.array([[0.0]]), np.array([[3.0], [-1.0], [1.0]]), 2, "euclidean")
    (array([[1., 1.]]), array([[1, 2]]))
    """
    m, n, wide = queries.shape[0], database.shape[0], _comparable(xp, queries, metric)
    where = {} if xp is np else {"device": queries.device}
    best = _Best(xp.full((m, k), np.nan, dtype=xp.float64, **where), xp.full((m, k), NO_ROW, dtype=xp.int64, **where))
    n_queries, n_rows = _tile_shape(xp, k)
    is_narrow = queries.dtype == database.dtype == xp.float32 and metric != "cityblock"
    with np.errstate(all="ignore"):
        for start in range(0, n, n_rows):
            tile = _comparable(xp, database[start : start + n_rows], metric)
            for row in range(0, m, n_queries):
                _take_tile(xp, wide[row : row + n_queries], tile, metric, best, (row, first_row + start), is_narrow)
        _take_the_rest(xp, wide, database, metric, best, first_row)
    # half of a square is exact, so it orders as the square does
    return (0.5 * best.keys if metric == "cosine" else best.keys), best.rows


def _comparable(xp: Namespace, rows: Any, metric: Metric) -> Any:
    """Return rows in float64; of cosine unit rows, whose squared distances are twice the cosine distances."""
    wide = wide_rows(xp, rows)
    return to_unit(xp, wide) if metric == "cosine" else wide


def _tile_shape(xp: Namespace, k: int) -> tuple[int, int]:
    """Return the queries and the rows of a tile: so many rows that k of them are few."""
    n_rows = max(_TILE_ROWS, _CROWDED * k)
    return max((_TILE_ELEMENTS if xp is np else _TILE_ELEMENTS_ON_DEVICE) // n_rows, 1), n_rows


def _take_tile(
    xp: Namespace, queries: Any, tile: Any, metric: Metric, best: _Best, corner: tuple[int, int], is_narrow: bool
) -> None:
    """Take what is nearer in one tile, of distances that are not infinite or NaN."""
    k, first_query = best.keys.shape[1], corner[0]
    last = best.keys[first_query : first_query + queries.shape[0], -1]
    pairs = None
    if is_narrow:
        # half of the time, unless its error makes candidates of too many
        narrow, narrow_tile = (xp.asarray(rows, dtype=xp.float32) for rows in (queries, tile))
        pairs = _candidates(xp, narrow, narrow_tile, metric, last, k)
        if pairs is not None and pairs[0].shape[0] > _TOO_MANY * k * queries.shape[0]:
            pairs = None
    pairs = pairs if pairs is not None else _candidates(xp, queries, tile, metric, last, k)
    assert pairs is not None
    if pairs[0].shape[0]:
        keys = _exact_keys(xp, queries, tile, pairs, metric)
        _merge(xp, best, pairs[0] + first_query, keys, pairs[1] + corner[1])


def _candidates(xp: Namespace, queries: Any, tile: Any, metric: Metric, last: Any, k: int) -> tuple[Any, Any] | None:
    """Return the pairs that may belong to the k nearest, query by query; None where float32 overflows."""
    estimated = _estimate(xp, queries, tile, metric)
    if estimated is None:
        return None
    estimates, error, relative = estimated
    limit = xp.where(xp.isfinite(last), last + error + relative * xp.abs(last), xp.full_like(last, np.inf))
    # not rounded down to float32
    limit = xp.asarray(limit * (1 + relative * xp.sign(limit)), dtype=estimates.dtype)
    candidates = (estimates <= limit[:, None]) & (estimates < np.inf)
    pairs = true_pairs(xp, candidates)
    (crowded,) = xp.nonzero(xp.bincount(pairs[0], minlength=queries.shape[0]) > _CROWDED * k)
    if not crowded.shape[0] or tile.shape[0] <= k:
        return pairs
    some = xp.where(candidates[crowded], estimates[crowded], np.inf)
    kth = _kth_smallest(xp, some, k)
    bound = kth + 2 * (error[crowded] + relative * xp.abs(kth))
    candidates[crowded] = (some <= bound[:, None]) & (some < np.inf)
    return true_pairs(xp, candidates)


def _estimate(xp: Namespace, queries: Any, tile: Any, metric: Metric) -> tuple[Any, Any, float] | None:
    """Return estimates of keys, and the most that they and exact keys are apart: absolute per query, and relative."""
    d, is_narrow = queries.shape[1], queries.dtype == xp.float32
    u = 2.0**-24 if is_narrow else 2.0**-53
    relative = 8 * (d + 8) * u
    if metric == "dot":
        norms = [xp.sum(rows * rows, axis=1) for rows in (queries, tile)]
        error = 4 * (d + 6) * u * (norms[0] + _most(xp, norms[1]))
        # where it is not known, everything is a candidate
        return -xp.matmul(queries, tile.T), xp.where(error < np.inf, error, np.inf), relative
    if metric != "cityblock" and d > FEW_COLUMNS:
        squares, query_norms, norms = expand_squares(xp, queries, tile)
        # rows that are not finite have no distance that is; a square that overflows may be of one
        if not (_overflows(xp, queries, query_norms) or _overflows(xp, tile, norms)):
            spread = query_norms + _most(xp, norms)
            error = 8 * (d + 6) * u * spread + (d + 6) * (2.0**-140 if is_narrow else 2.0**-1060)
            if metric == "cosine" and is_narrow:
                # unit rows are rounded to float32, which the norms from their centre know nothing of
                error = error + 8 * u * (xp.sqrt(spread) + u)
            return squares, error, relative
    if is_narrow:
        return None
    sums = column_sums(xp, queries, tile, power=1 if metric == "cityblock" else 2)
    return sums, xp.zeros_like(sums[:, 0]), relative


def _most(xp: Namespace, norms: Any) -> Any:
    return xp.max(xp.where(xp.isfinite(norms), norms, 0.0))


def _overflows(xp: Namespace, rows: Any, norms: Any) -> bool:
    strange = ~xp.isfinite(norms)
    return bool(xp.any(strange)) and bool(xp.any(xp.all(xp.isfinite(rows[strange]), axis=1)))


def _exact_keys(xp: Namespace, queries: Any, tile: Any, pairs: tuple[Any, Any], metric: Metric) -> Any:
    keys = pair_distances(xp, queries, tile, *pairs, "sqeuclidean" if metric == "cosine" else metric)
    return -keys if metric == "dot" else keys


def _kth_smallest(xp: Namespace, values: Any, k: int) -> Any:
    if xp is np:
        return np.partition(values, k - 1, axis=1)[:, k - 1]
    return xp.topk(values, k, dim=1, largest=False).values[:, -1]


def _merge(xp: Namespace, best: _Best, queries: Any, keys: Any, rows: Any) -> None:
    """Put candidates among the best, query by query; `queries` ascend."""
    k = best.keys.shape[1]
    touched = xp.unique_values(queries)
    all_queries = xp.concat([queries, xp.repeat(touched, k)])
    all_keys = xp.concat([keys, xp.reshape(best.keys[touched], (-1,))])
    all_rows = xp.concat([rows, xp.reshape(best.rows[touched], (-1,))])
    order = first_of_each(xp, (all_queries, all_keys, all_rows))
    starts = xp.searchsorted(all_queries[order], touched)
    taken = order[starts[:, None] + xp.arange(k, device=starts.device)]
    best.keys[touched], best.rows[touched] = all_keys[taken], all_rows[taken]


def first_of_each(xp: Namespace, keys: tuple[Any, ...]) -> Any:
    """Return the order that sorts by the first key, then by the second, and so on; NaN comes last.

    >>> first_of_each(np, (np.array([1, 0, 1]), np.array([np.nan, 5, 2])))
    array([1, 2, 0])
    """
    if xp is np:
        return np.lexsort(keys[::-1])
    order = xp.argsort(keys[-1], stable=True)
    for key in keys[-2::-1]:
        order = order[xp.argsort(key[order], stable=True)]
    return order


def _take_the_rest(xp: Namespace, queries: Any, database: Any, metric: Metric, best: _Best, first_row: int) -> None:
    """Take rows at distances that are infinite or NaN, where there are too few others."""
    k, n = best.keys.shape[1], database.shape[0]
    (missing,) = xp.nonzero(xp.sum(best.rows != NO_ROW, axis=1) < min(k, n))
    if not missing.shape[0]:
        return
    found = queries[missing]
    nowhere = xp.any(xp.isnan(found), axis=1)
    least = xp.arange(min(k, n), device=missing.device) + first_row
    best.rows[missing[nowhere], : min(k, n)] = least
    for query in missing[~nowhere].tolist():
        best.keys[query], best.rows[query] = np.nan, NO_ROW
        for start in range(0, n, _TILE_ROWS):
            tile = _comparable(xp, database[start : start + _TILE_ROWS], metric)
            columns = xp.arange(tile.shape[0], device=missing.device)
            keys = _exact_keys(xp, queries[query : query + 1], tile, (xp.zeros_like(columns), columns), metric)
            _merge(xp, best, xp.zeros_like(columns) + query, keys, columns + first_row + start)
