"""Puts the candidates of all spans of a database together, as the last steps of `knn`: indices, or distances."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ...blocks import Grid, Region, as_slices
from ...headers import ArrayHeader
from ...limits import Limits
from ...stages.kernels import Namespace
from ...stages.shapes import ConstantStage, Draft, MapStage
from ..operation import Operation, Params
from .distances import Metric, finish_distances

__all__ = ["NEIGHBOURS", "NeighboursKernel", "NeighboursLayout", "NeighboursParams"]

_PIECE_BYTES, _BLOCK_BYTES = 4 << 20, 64 << 20


class NeighboursParams(Params):
    """What is taken of the candidates."""

    k: int
    metric: Metric
    part: Literal["indices", "distances"]
    dtype: str = "int64"


@dataclass(frozen=True, slots=True)
class NeighboursLayout:
    """The layout: a query's candidates of all spans.

    Parameters
    ----------
    n_spans, k : int
    """

    n_spans: int
    k: int

    def regions(self, region: Region) -> tuple[Region, ...]:
        """Return the candidates of some queries."""
        return (((0, self.n_spans), region[0], (0, 2 * self.k)),)


@dataclass(frozen=True, slots=True)
class NeighboursKernel:
    """The first k of the candidates of each query, by key, then by row.

    Parameters
    ----------
    k : int
    metric : Metric
    part : {"indices", "distances"}
    dtype : numpy.dtype

    Examples
    --------
    >>> keys, rows = np.array([[[9.0, 16.0]], [[1.0, 9.0]]]), np.array([[[0, 2]], [[5, 4]]])
    >>> candidates = np.concatenate([keys.view(np.int64), rows], axis=2)
    >>> NeighboursKernel(2, "euclidean", "indices", np.dtype("i8")).apply(np, [candidates], ((0, 1), (0, 2)))
    array([[5, 0]])
    >>> NeighboursKernel(2, "euclidean", "distances", np.dtype("f8")).apply(np, [candidates], ((0, 1), (0, 2)))
    array([[1., 3.]])
    """

    k: int
    metric: Metric
    part: Literal["indices", "distances"]
    dtype: np.dtype[Any]

    def apply(self, xp: Namespace, blocks: Sequence[Any], region: Region) -> Any:
        """Return the indices or the distances of some queries."""
        candidates = np.ascontiguousarray(np.moveaxis(blocks[0], 0, 1))
        n_queries = candidates.shape[0]
        keys = np.ascontiguousarray(candidates[:, :, : self.k]).view(np.float64).reshape(n_queries, -1)
        rows = candidates[:, :, self.k :].reshape(n_queries, -1)
        order = np.lexsort((rows, keys), axis=-1)[:, : self.k]
        if self.part == "indices":
            taken = np.take_along_axis(rows, order, axis=1)
        else:
            found = np.take_along_axis(keys, order, axis=1)
            with np.errstate(all="ignore"):
                taken = finish_distances(np, -found if self.metric == "dot" else found, self.metric)
                taken = taken.astype(self.dtype)
        return taken[(slice(None), *as_slices(region[1:]))]

    def apply_into(self, blocks: Sequence[NDArray[Any]], out: NDArray[Any], region: Region) -> None:
        """Write the indices or the distances of some queries into `out`."""
        out[...] = self.apply(np, blocks, region)


def _build(headers: Sequence[ArrayHeader], params: NeighboursParams, limits: Limits) -> Draft:
    candidates, dtype = headers[0], np.dtype(params.dtype)
    n_spans, n_queries, _ = candidates.shape
    output = ArrayHeader("output", (n_queries, params.k), dtype)
    if output.size == 0:
        return Draft(ConstantStage(np.empty(output.shape, dtype)), output, 0, 0, 0)
    query_bytes = n_spans * 2 * params.k * 8
    # read, put query by query, keys and rows of it, and their order
    room = limits.task_host_bytes // 6
    piece = min(max(min(_PIECE_BYTES, room) // query_bytes, 1), n_queries)
    block = min(max((limits.block_bytes or _BLOCK_BYTES) // query_bytes, 1), n_queries)
    stage = MapStage(
        NeighboursKernel(params.k, params.metric, params.part, dtype),
        Grid(output.shape, (max(block, piece), params.k)),
        (piece, params.k),
        (candidates.shape,),
        layout=NeighboursLayout(n_spans, params.k),
        on_host=True,
    )
    return Draft(stage, output, 0, 6 * piece * query_bytes, candidates.nbytes)


def _oracle(arrays: Sequence[NDArray[Any]], params: NeighboursParams) -> NDArray[Any]:
    kernel = NeighboursKernel(params.k, params.metric, params.part, np.dtype(params.dtype))
    whole = ((0, arrays[0].shape[1]), (0, params.k))
    return np.asarray(kernel.apply(np, arrays, whole))


NEIGHBOURS = Operation(
    "knn_neighbours",
    "The first of the candidates of each query",
    "",
    ("candidates",),
    NeighboursParams,
    _build,
    _oracle,
)
