"""knn: for sampled queries, that the neighbours found are as near as the nearest of the whole database."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..blocks import Grid, row_major_chunks
from ..operations.distances.cdist import distances_from
from .findings import Finding, compare, merged, offset_by
from .places import distance_bound
from .problem import Problem, read_region, widen

__all__ = ["check_knn"]


def check_knn(problem: Problem) -> list[Finding]:
    """Return how far the distances of the neighbours found are from the k least, rank by rank.

    Neighbours at equal distances may stand in either order; so what is compared is the distance of each.

    Raises
    ------
    SpecError
        If the distances of one query to the whole database do not fit in memory.
    """
    database, queries = problem.sources
    n, m = database.header.shape[0], queries.header.shape[0]
    if n * 8 * 8 > problem.memory_bytes:
        raise problem.too_large(f"a query of {n} rows", n * 8 * 8)
    rows = problem.rng().permutation(m)[: problem.n_samples].tolist() if m > problem.n_samples else list(range(m))
    found: dict[str, list[Finding]] = {name: [] for name in problem.outputs}
    for row in sorted(rows):
        with np.errstate(all="ignore"):
            for name, finding in _of_query(problem, row):
                found[name].append(finding)
    return [merged(each) for each in found.values() if each]


def _of_query(problem: Problem, row: int) -> list[tuple[str, Finding]]:
    database, queries = problem.sources
    d, metric = queries.header.shape[1], problem.params.metric
    query = widen(read_region(queries, ((row, row + 1), (0, d))))
    parts, bounds = [], []
    dtype = problem.headers["distances"].dtype
    n = database.header.shape[:1]
    for (rows,) in Grid(n, row_major_chunks(n, _chunk(problem, d))).regions():
        x = widen(read_region(database, (rows, (0, d))))
        distances = distances_from(query[0], x, metric)
        parts.append(distances)
        bounds.append(distance_bound(query, x, metric, distances[None], dtype)[0])
    distances, bound = np.concatenate(parts), np.concatenate(bounds)
    keys = -distances if metric == "dot" else distances
    nearest = np.argsort(keys, kind="stable")[: problem.params.k]
    allowed = np.maximum.accumulate(2 * bound[nearest])
    return [(name, _compared(problem, name, row, distances, nearest, allowed, dtype)) for name in problem.outputs]


def _compared(
    problem: Problem,
    name: str,
    row: int,
    distances: NDArray[Any],
    nearest: NDArray[Any],
    allowed: NDArray[Any],
    dtype: np.dtype[Any],
) -> Finding:
    at = ((row, row + 1), (0, len(nearest)))
    found = problem.read_output(name, at)[0]
    shared: dict[str, Any] = problem.labels(name)
    shared["index_of"] = lambda index: offset_by(at)((0, *index))
    if name == "distances":
        return compare(found, distances[nearest], allowed, method="all distances of a query", **shared)
    is_there = (found >= 0) & (found < len(distances))
    is_once = np.array([np.count_nonzero(found == each) == 1 for each in found])
    if not (is_there & is_once).all():
        return compare(found, nearest, None, method="neighbours, each once", **shared)
    method = "distances of the neighbours found to the query"
    return compare(distances[found].astype(dtype), distances[nearest], allowed, method=method, **shared)


def _chunk(problem: Problem, d: int) -> int:
    return max(problem.memory_bytes // (64 * max(d, 1)), 1)
