"""`knn`: the k nearest rows of a database to each query, by direct search; the matrix of all distances is never made.

::

    candidates  (spans of the database) x (panels of queries): k candidates each, a small array of all spans
    indices     for each query, the first k of its candidates from all spans; and their
    distances

One block reads one span and one panel, so either input may be larger than memory. What comes out depends on neither
(`nearest`): indices and distances are those of sorting all distances in float64 by (distance, index). Self comes first
among the neighbours of a row, at distance 0, but for an equal row before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ...blocks import Grid, Region, Shape, as_slices, ceil_div, even_chunk
from ...errors import CannotFitError, SpecError
from ...headers import ArrayHeader
from ...limits import Limits, room_advice
from ...sizes import format_bytes
from ...stages.kernels import Namespace
from ...stages.shapes import ConstantStage, Draft, MapStage
from ..chain import Chain, Step
from ..operation import Operation, Params
from .cdist import distances_from
from .distances import Metric
from .inputs import check_rows, distance_dtype
from .nearest import nearest_rows
from .neighbours import NEIGHBOURS

__all__ = ["KNN", "CandidatesKernel", "KnnParams", "SpansAndPanels"]

_SPAN_BYTES, _MOST_SPANS = {"cpu": 64 << 20, "cuda": 1 << 30}, 256
_LEAST_PANEL, _MANY_PANELS = {"cpu": 256, "cuda": 2048}, 64
_BLOCK_NS = 1.5e9
_PAIR_NS, _COLUMN_NS = {"cpu": 3.0, "cuda": 0.03}, {"cpu": 0.06, "cuda": 0.0005}
"""Nominal, for blocks of a second or two."""
_SCRATCH_BYTES = {"cpu": 32 << 20, "cuda": 1 << 30}
"""Estimates of a tile and what is computed of them."""


class KnnParams(Params):
    """Parameters of `knn`."""

    k: int = Field(ge=1, description="how many neighbours")
    metric: Metric = Field("euclidean", description="SciPy's distance; of dot, the largest products are the nearest")


@dataclass(frozen=True, slots=True)
class SpansAndPanels:
    """The layout: a span of the database, all of its rows, and the queries of a panel.

    Parameters
    ----------
    database, queries : tuple of int
        Shapes.
    span : int
        Rows of the database.
    """

    database: Shape
    queries: Shape
    span: int

    def regions(self, region: Region) -> tuple[Region, ...]:
        """Return the rows of the database and the rows of the queries.

        >>> SpansAndPanels((250, 3), (80, 3), 100).regions(((2, 3), (0, 40), (0, 10)))
        (((200, 250), (0, 3)), ((0, 40), (0, 3)))
        """
        start, stop = (self.span * bound for bound in region[0])
        return ((start, min(stop, self.database[0])), (0, self.database[1])), (region[1], (0, self.queries[1]))


@dataclass(frozen=True, slots=True)
class CandidatesKernel:
    """The nearest rows of one span to the queries of a panel: (1, queries, 2 k) of int64.

    The first k are the bits of the keys in float64, the last k the rows: torch has no records.

    Parameters
    ----------
    k : int
    metric : Metric
    span : int
    """

    k: int
    metric: Metric
    span: int

    def apply(self, xp: Namespace, blocks: Sequence[Any], region: Region) -> Any:
        """Return the candidates of a region."""
        database, queries = blocks
        n_spans = region[0][1] - region[0][0]
        made = []
        for number in range(n_spans):
            rows = database[number * self.span : (number + 1) * self.span]
            first_row = (region[0][0] + number) * self.span
            keys, found = nearest_rows(xp, queries, rows, self.k, self.metric, first_row=first_row)
            made.append(xp.concat([keys.view(xp.int64), found], axis=1)[None])
        return xp.concat(made)[(slice(None), slice(None), *as_slices(region[2:]))]

    def apply_into(self, blocks: Sequence[NDArray[Any]], out: NDArray[Any], region: Region) -> None:
        """Write the candidates of a region into `out`."""
        out[...] = self.apply(np, blocks, region)


def _chain(headers: Sequence[ArrayHeader], params: KnnParams, limits: Limits) -> Chain:
    _check(headers, params)
    dtype = distance_dtype(*(header.dtype for header in headers))
    given: dict[str, Any] = {"k": params.k, "metric": params.metric}
    steps = (
        Step("candidates", _CANDIDATES, ("database", "queries"), given),
        Step("indices", NEIGHBOURS, ("candidates",), {**given, "part": "indices"}),
        Step("distances", NEIGHBOURS, ("candidates",), {**given, "part": "distances", "dtype": dtype.name}),
    )
    return Chain(steps, (("indices", "indices"), ("distances", "distances")))


def _check(headers: Sequence[ArrayHeader], params: KnnParams) -> None:
    check_rows(headers, what="knn")
    if params.k > headers[0].shape[0]:
        raise SpecError(
            f"knn: {headers[0].name} has {headers[0].shape[0]} rows, fewer than k = {params.k}",
            cause="each query has at most as many neighbours",
            next=f"use k of at most {headers[0].shape[0]}",
        )


def _build(headers: Sequence[ArrayHeader], params: KnnParams, limits: Limits) -> Draft:
    database, queries = headers
    (n, d), m, k = database.shape, queries.shape[0], params.k
    if not m:
        empty = np.empty((1, 0, 2 * k), np.int64)
        return Draft(ConstantStage(empty), ArrayHeader("output", empty.shape, empty.dtype), 0, 0, 0)
    span, panel, arrays = _fit(database, queries, k, limits)
    n_spans = ceil_div(n, span)
    output = ArrayHeader("output", (n_spans, m, 2 * k), np.dtype(np.int64))
    scratch = _scratch_bytes(d, k, limits)
    stage = MapStage(
        CandidatesKernel(k, params.metric, span),
        Grid(output.shape, (1, panel, 2 * k)),
        (1, panel, 2 * k),
        (database.shape, queries.shape),
        scratch,
        layout=SpansAndPanels(database.shape, queries.shape, span),
    )
    return Draft(
        stage,
        output,
        flops=2 * m * n * d,
        task_host_bytes=arrays + (scratch if limits.device == "cpu" else 0),
        task_device_bytes=arrays + scratch if limits.device == "cuda" else 0,
        read_bytes=database.nbytes * ceil_div(m, panel) + queries.nbytes * n_spans,
        notes=(f"{n_spans} spans of the database by {ceil_div(m, panel)} panels of queries",),
    )


def _scratch_bytes(d: int, k: int, limits: Limits) -> int:
    # rows of a tile in float64, from their centre, and as they are multiplied
    return _SCRATCH_BYTES[limits.device] + 4 * 8 * (2048 + 4 * k) * (d + 2)


def _fit(database: ArrayHeader, queries: ArrayHeader, k: int, limits: Limits) -> tuple[int, int, int]:
    """Return the rows of a span, the queries of a panel, and the bytes of both and of their candidates."""
    (n, d), m, device = database.shape, queries.shape[0], limits.device
    scratch = _scratch_bytes(d, k, limits)
    room = limits.task_host_bytes - (scratch if device == "cpu" else 0)
    if device == "cuda":
        room = min(room, limits.task_device_bytes - scratch)
    row_bytes = max(d * database.dtype.itemsize, 1)
    # many queries keep all workers busy by themselves, and every span makes candidates of its own
    is_many = m >= _MANY_PANELS * _LEAST_PANEL[device] and not limits.is_wide
    most = room // 2 if is_many else max(_SPAN_BYTES[device], ceil_div(database.nbytes, _MOST_SPANS))
    span = even_chunk(n, max(min((limits.block_bytes or most) // row_bytes, room // 2 // row_bytes), 1))
    # as they are read, in float64, and their candidates, which are merged with new ones
    query_bytes = d * (queries.dtype.itemsize + 8) + 6 * 16 * k
    pairs = _BLOCK_NS / (_PAIR_NS[device] + _COLUMN_NS[device] * d)
    panel = min(max(int(pairs / span), _LEAST_PANEL[device]), room // 2 // query_bytes)
    if room <= 0 or panel < 1:
        need = scratch + 2 * max(row_bytes, query_bytes)
        raise CannotFitError(
            f"knn: rows of {d} columns with {k} neighbours do not fit in one task",
            cause=f"they take {format_bytes(need)}; a task may take {format_bytes(limits.task_host_bytes)}",
            next=room_advice(limits, need),
        )
    panel = even_chunk(m, panel)
    return span, panel, span * row_bytes + panel * query_bytes


def _oracle(arrays: Sequence[NDArray[Any]], params: KnnParams) -> tuple[NDArray[Any], ...]:
    """Return the first k of all distances, sorted query by query."""
    database, queries = (array.astype(np.float64) for array in arrays)
    dtype = distance_dtype(*(array.dtype for array in arrays))
    indices = np.empty((len(queries), params.k), np.int64)
    distances = np.empty(indices.shape, dtype)
    with np.errstate(all="ignore"):
        for number, query in enumerate(queries):
            found = distances_from(query, database, params.metric)
            keys = -found if params.metric == "dot" else found
            indices[number] = np.argsort(keys, kind="stable")[: params.k]
            distances[number] = found[indices[number]]
    return indices, distances


_SUMMARY = "The k nearest rows of a database to each query: indices, and distances beside them"
_EXAMPLE = "arraymill run knn database.npy queries.npy --k 10 -o neighbours.npy"
_INPUTS = ("database", "queries")
_CANDIDATES = Operation("knn_candidates", _SUMMARY, "", _INPUTS, KnnParams, _build, _oracle)
KNN = Operation("knn", _SUMMARY, _EXAMPLE, _INPUTS, KnnParams, None, _oracle, chain=_chain)
