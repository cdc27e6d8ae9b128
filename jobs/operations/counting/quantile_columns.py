"""Quantiles of columns that a task can hold: each is partitioned around its order statistics, in memory."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...blocks import Grid, Region, Shape
from ...errors import CannotFitError
from ...headers import ArrayHeader
from ...limits import Limits, room_advice
from ...sizes import format_bytes
from ...stages.kernels import Namespace
from ...stages.shapes import Draft, MapStage
from ..reductions.tables import memory_chunks
from .order_keys import from_keys, torch_keys
from .quantile_search import Search

__all__ = ["ColumnKernel", "ColumnLayout", "columns_per_task", "draft_columns"]

_BLOCK_BYTES = {"cpu": 64 << 20, "cuda": 1 << 30}
_PIECE_BYTES = {"cpu": 8 << 20, "cuda": 256 << 20}
_SEGMENT_BYTES = 4096
"""Columns that do not lie together in memory are read in segments of at least a page."""
_PARTITION_S = 25e-9
"""Of one core for an element, as measured for columns of a million float32: for the prediction alone."""


@dataclass(frozen=True, slots=True)
class ColumnLayout:
    """The columns, whole, that a region of quantiles is made of.

    Parameters
    ----------
    search : Search
    keepdims : bool

    Examples
    --------
    >>> from .quantile_rules import QuantileRule
    >>> search = Search(QuantileRule((0.1, 0.9)), (5, 6, 7), (1,), np.dtype("f4"))
    >>> ColumnLayout(search, False).regions(((0, 2), (3, 4), (0, 7)))
    (((3, 4), (0, 6), (0, 7)),)
    """

    search: Search
    keepdims: bool

    def regions(self, region: Region) -> tuple[Region, ...]:
        """Return the region of the array."""
        kept = iter(region[len(self.search.rule.shape) :])
        whole: list[tuple[int, int]] = []
        for axis, n in enumerate(self.search.shape):
            if axis not in self.search.axes:
                whole.append(next(kept))
                continue
            whole.append((0, n))
            if self.keepdims:
                next(kept)
        return (tuple(whole),)


@dataclass(frozen=True, slots=True)
class ColumnKernel:
    """Quantiles of whole columns.

    Parameters
    ----------
    search : Search
    result : numpy.dtype

    Examples
    --------
    >>> from .quantile_rules import QuantileRule
    >>> search = Search(QuantileRule(0.5), (3, 2), (0,), np.dtype("f4"))
    >>> x = np.array([[4, 1], [0, 2], [3, 9]], np.float32)
    >>> ColumnKernel(search, np.dtype("f4")).apply(np, [x], ((0, 2),))
    array([3., 2.], dtype=float32)
    """

    search: Search
    result: np.dtype[Any]

    def apply(self, xp: Namespace, blocks: Sequence[Any], region: Region) -> Any:
        """Return the quantiles of a region."""
        columns = self._columns(xp, blocks[0])
        if xp is np and np.may_share_memory(columns, blocks[0]):
            # they are partitioned in place
            columns = columns.copy()
        statistics = self._partition(columns) if xp is np else self._sort_on_torch(xp, columns)
        # where memory is short, fewer quantiles at once
        wanted = slice(*region[0]) if self.search.rule.shape else slice(None)
        answer = self._interpolate(*statistics)[wanted].reshape([stop - start for start, stop in region])
        return answer if xp is np else xp.asarray(answer, device=columns.device)

    def apply_into(self, blocks: Sequence[NDArray[Any]], out: NDArray[Any], region: Region) -> None:
        """Write the quantiles of a region to `out`."""
        out[...] = self.apply(np, blocks, region)

    def _columns(self, xp: Namespace, x: Any) -> Any:
        """Return the block with one row per column."""
        axes = self.search.axes
        kept = tuple(axis for axis in range(x.ndim) if axis not in axes)
        return xp.reshape(xp.permute_dims(x, (*kept, *axes)), (-1, self.search.length))

    def _partition(self, columns: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.int64]]:
        """Return the order statistics, shape (n_ranks, n), and how many NaN each column has."""
        rule, n, length = self.search.rule, len(columns), self.search.length
        ranks = rule.ranks(np.array([length]))
        may_be_nan = columns.dtype.kind == "f"
        columns.partition(np.unique(np.append(ranks, length - 1) if may_be_nan else ranks), axis=1)
        n_nan = np.isnan(columns[:, -1]).astype(np.int64) if may_be_nan else np.zeros(n, np.int64)
        if rule.skip_nan and n_nan.any():
            n_nan = np.isnan(columns).sum(axis=1)
            columns.sort(axis=1)
            ranks = rule.ranks(np.maximum(length - n_nan, 1))
        return np.take_along_axis(columns, np.broadcast_to(ranks, (len(ranks), n)).T, axis=1).T, n_nan

    def _sort_on_torch(self, xp: Namespace, columns: Any) -> tuple[NDArray[Any], NDArray[np.int64]]:
        """Return what `_partition` does."""
        rule, dtype = self.search.rule, self.search.dtype
        n_nan = np.zeros(columns.shape[0], np.int64)
        if dtype.kind == "f":
            n_nan = xp.sum(xp.isnan(columns), axis=1, dtype=xp.int64).cpu().numpy()
        lengths = np.maximum(self.search.length - n_nan, 1) if rule.skip_nan else np.array([self.search.length])
        ranks = np.ascontiguousarray(np.broadcast_to(rule.ranks(lengths), (rule.n_ranks, len(n_nan))).T)
        ordered = xp.sort(torch_keys(xp, columns), axis=1)
        keys = xp.take_along_axis(ordered, xp.asarray(ranks, device=columns.device), axis=1).cpu().numpy()
        unsigned = keys.view(np.uint64) ^ np.uint64((1 << 63) if dtype.itemsize == 8 else 0)
        return from_keys(unsigned, dtype).T, n_nan

    def _interpolate(self, values: NDArray[Any], n_nan: NDArray[np.int64]) -> NDArray[Any]:
        skip_nan, length = self.search.rule.skip_nan, self.search.length
        lengths = np.maximum(length - n_nan, 1) if skip_nan else np.full(n_nan.shape, length)
        answer = self.search.rule.interpolate(values, lengths)
        if answer.dtype.kind == "f":
            answer[:, n_nan == length if skip_nan else n_nan > 0] = np.nan
        return np.asarray(answer.astype(self.result))


def columns_per_task(header: ArrayHeader, limits: Limits, search: Search) -> int:
    """Return how many columns one piece may hold; 0 if not one fits."""
    room = limits.task_host_bytes if limits.device == "cpu" else min(limits.task_host_bytes, limits.task_device_bytes)
    return room // max(_column_bytes(header, limits, search), 1)


def _column_bytes(header: ArrayHeader, limits: Limits, search: Search) -> int:
    """Return the memory of one column: as read, as copied, and what says where NaN is; on a GPU its keys, sorted."""
    itemsize = header.dtype.itemsize
    return search.length * (3 * itemsize + 1 if limits.device == "cpu" else 2 * itemsize + 48)


def draft_columns(header: ArrayHeader, limits: Limits, *, search: Search, keepdims: bool, output: ArrayHeader) -> Draft:
    """Return the draft of quantiles whose columns fit in a task.

    Raises
    ------
    CannotFitError
        If one does not.
    """
    largest = columns_per_task(header, limits, search)
    if largest < 1:
        raise CannotFitError(
            "one column does not fit in one task",
            cause=f"it takes {format_bytes(_column_bytes(header, limits, search))} of work space",
            next=room_advice(limits, _column_bytes(header, limits, search)),
        )
    column_bytes = search.length * header.dtype.itemsize
    target = limits.block_bytes or _BLOCK_BYTES[limits.device]
    wanted = min(_PIECE_BYTES[limits.device], target) // column_bytes
    if limits.block_bytes is None:
        wanted = max(wanted, _SEGMENT_BYTES // header.dtype.itemsize)
    piece = max(min(wanted, largest), 1)
    block = max(target // column_bytes, piece)
    chunks, pieces = (_cut(header, search, keepdims, n) for n in (block, piece))
    stage = MapStage(
        ColumnKernel(search, output.dtype),
        Grid(output.shape, chunks),
        pieces,
        (header.shape,),
        layout=ColumnLayout(search, keepdims),
    )
    n_columns = math.prod(pieces) // math.prod(search.rule.shape)
    need = n_columns * _column_bytes(header, limits, search) + 2 * math.prod(pieces) * 8
    return Draft(
        stage,
        output,
        flops=header.size,
        task_host_bytes=need,
        task_device_bytes=need if limits.device == "cuda" else 0,
        read_bytes=header.nbytes,
        core_s=_PARTITION_S * header.size,
    )


def _cut(header: ArrayHeader, search: Search, keepdims: bool, n_columns: int) -> Shape:
    """Return the chunk shape of the output for so many columns, neighbours in memory."""
    kept = [axis for axis in range(header.ndim) if axis not in search.axes]
    lengths = iter(memory_chunks(tuple(header.shape[axis] for axis in kept), header.order, n_columns))
    cut = [next(lengths) if axis in kept else 1 for axis in range(header.ndim) if keepdims or axis in kept]
    return (*search.rule.shape, *cut)
