"""topk: the k largest or smallest elements and where they are; exact, of equal ones the lowest index first.

NaN is the largest number of all, as torch's `topk` and NumPy's `sort` have it: first of the largest, last of the
smallest. Rows that a task holds are ranked there; else each block returns its own first k, which are merged.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ...blocks import Grid, Region, Shape
from ...dtypes import refuse_dtype
from ...errors import InputUnsupportedError, SpecError
from ...headers import ArrayHeader
from ...limits import Limits
from ...stages.kernels import Namespace, Partial
from ...stages.shapes import ConstantStage, Draft, MapStage
from ..chain import Chain, Step
from ..elementwise.field import FIELD
from ..operation import Operation, Params
from ..reductions.axes import Axis, normalize_axes
from ..reductions.tables import PIECE_ELEMENTS, draft_tables, memory_chunks
from .key_counts import Columns
from .ranked import first_of_rows, merge_ranked, numbers_of

__all__ = ["TOPK", "RankKernel", "RowKernel", "TopkParams"]

_ROW_BYTES = 16 << 20
_TABLE_BYTES = 8 << 20
_BLOCK_BYTES, _PIECE_BYTES = 64 << 20, 4 << 20
_SCRATCH_ITEMSIZE = 40
"""Bytes per element: keys, what is sorted of them, their partition, and masks."""
_SORT_S = 15e-9
"""Of one core for an element of short rows, as measured: for the prediction alone."""


class TopkParams(Params):
    """Parameters of topk."""

    k: int = Field(ge=1, description="how many")
    axis: Axis = Field(-1, description="the axis to search along; none: the flattened array")
    largest: bool = Field(True, description="the largest, largest first; else the smallest")


@dataclass(frozen=True, slots=True)
class RankKernel:
    """Partials are ``(keys, indices)`` of shape (n_rows, k); an index of -1 is an empty place.

    Parameters
    ----------
    k : int
    largest : bool
    dtype : numpy.dtype
        Of the array.
    shape : tuple of int
        Of the array.
    axis : int or None
        The axis that is searched; None: all.
    """

    k: int
    largest: bool
    dtype: np.dtype[Any]
    shape: Shape
    axis: int | None

    piece_elements = PIECE_ELEMENTS
    is_exact = True

    def fold(self, xp: Namespace, piece: Any, axes: tuple[int, ...], origin: Shape) -> tuple[Any, ...]:
        """Return the first k of each row of a piece, in places of rows of the whole array."""
        region = tuple((start, start + n) for start, n in zip(origin, piece.shape, strict=True))
        searched = tuple(range(len(self.shape))) if self.axis is None else (self.axis,)
        columns = Columns.of(self.shape, searched, region)
        moved = piece if self.axis is None else xp.moveaxis(piece, self.axis, -1)
        rows = xp.reshape(moved, (columns.numbers.size, -1))
        here = min(self.k, rows.shape[1])
        keys, places = first_of_rows(xp, rows, here, self.dtype, largest=self.largest)
        device = {} if xp is np else {"device": piece.device}
        all_keys = xp.zeros((columns.n_columns, self.k), dtype=xp.int64, **device)
        all_indices = xp.full((columns.n_columns, self.k), -1, dtype=xp.int64, **device)
        numbers = xp.asarray(columns.numbers.reshape(-1), **device)
        all_keys[numbers, :here], all_indices[numbers, :here] = keys, self._in_whole(places, region)
        return all_keys, all_indices

    def merge(self, left: Partial, right: Partial) -> Partial:
        """Return the first k of two parts."""
        return merge_ranked((left[0], left[1]), (right[0], right[1]), self.dtype, largest=self.largest)

    def finish(self, partial: Partial) -> NDArray[Any]:
        """Return records of values and indices."""
        kept = () if self.axis is None else tuple(n for axis, n in enumerate(self.shape) if axis != self.axis)
        records = _records(partial[0], partial[1], self.dtype).reshape(*kept, self.k)
        return records if self.axis is None else np.moveaxis(records, -1, self.axis)

    def _in_whole(self, places: Any, region: Region) -> Any:
        """Return places in rows of a piece as indices in rows of the whole array."""
        if self.axis is not None:
            return places + region[self.axis][0]
        total, step = 0, 1
        for n, (start, stop) in zip(reversed(self.shape), reversed(region), strict=True):
            total = total + (places % (stop - start) + start) * step
            places = places // (stop - start)
            step *= n
        return total


@dataclass(frozen=True, slots=True)
class RowKernel:
    """Ranks whole rows; also the layout of what it reads: the searched axis is whole.

    Parameters
    ----------
    rank : RankKernel
        Of one axis.
    """

    rank: RankKernel

    def regions(self, region: Region) -> tuple[Region, ...]:
        """Return the region of the array."""
        shape, axis = self.rank.shape, self.rank.axis
        return (tuple((0, shape[a]) if a == axis else bounds for a, bounds in enumerate(region)),)

    def apply(self, xp: Namespace, blocks: Sequence[Any], region: Region) -> Any:
        """Return the records of a region."""
        rank = self.rank
        assert rank.axis is not None
        moved = np.moveaxis(blocks[0], rank.axis, -1)
        rows = moved.reshape(-1, moved.shape[-1])
        found = first_of_rows(np, rows, rank.k, rank.dtype, largest=rank.largest)
        records = _records(*found, rank.dtype).reshape(*moved.shape[:-1], rank.k)
        # where memory is short, fewer places at once
        return np.moveaxis(records[..., slice(*region[rank.axis])], -1, rank.axis)

    def apply_into(self, blocks: Sequence[NDArray[Any]], out: NDArray[Any], region: Region) -> None:
        """Write the records of a region to `out`."""
        out[...] = self.apply(np, blocks, region)


def _record_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    return np.dtype([("values", dtype), ("indices", np.int64)])


def _records(keys: NDArray[np.int64], indices: NDArray[np.int64], dtype: np.dtype[Any]) -> NDArray[Any]:
    records = np.empty(keys.shape, _record_dtype(dtype))
    records["values"], records["indices"] = numbers_of(np.ascontiguousarray(keys), dtype), indices
    return records


def _build(headers: Sequence[ArrayHeader], params: TopkParams, limits: Limits) -> Draft:
    header, dtype = headers[0], headers[0].dtype.newbyteorder("=")
    axis = None if params.axis is None else normalize_axes(params.axis, header.ndim)[0]
    kernel = RankKernel(params.k, params.largest, dtype, header.shape, axis)
    length = header.size if axis is None else header.shape[axis]
    shape = (params.k,) if axis is None else (*header.shape[:axis], params.k, *header.shape[axis + 1 :])
    output = ArrayHeader("output", shape, _record_dtype(dtype))
    if output.size == 0:
        return Draft(ConstantStage(np.empty(shape, output.dtype)), output, flops=0, task_host_bytes=0, read_bytes=0)
    row_bytes = length * header.dtype.itemsize
    n_held = limits.task_host_bytes // (length * (header.dtype.itemsize + _SCRATCH_ITEMSIZE))
    lies_together = axis == (header.ndim - 1 if header.order == "C" else 0)
    is_short = row_bytes <= (limits.block_bytes or _ROW_BYTES)
    if axis is not None and n_held and ((lies_together and is_short) or 16 * output.size > _TABLE_BYTES):
        return _draft_rows(header, limits, kernel, output, n_held)
    return draft_tables(
        header,
        limits,
        kernel=kernel,
        output=output,
        table_elements=2 * output.size,
        what=f"the first {params.k} of {output.size // params.k} rows",
        way_out="ask for a smaller k",
        scratch_itemsize=_SCRATCH_ITEMSIZE,
    )


def _draft_rows(header: ArrayHeader, limits: Limits, kernel: RankKernel, output: ArrayHeader, n_held: int) -> Draft:
    assert kernel.axis is not None
    row_bytes = header.shape[kernel.axis] * header.dtype.itemsize
    target = limits.block_bytes or _BLOCK_BYTES
    piece = max(min(min(_PIECE_BYTES, target) // row_bytes, n_held), 1)
    one_each = tuple(1 if axis == kernel.axis else n for axis, n in enumerate(header.shape))
    chunks, pieces = (
        tuple(kernel.k if axis == kernel.axis else n for axis, n in enumerate(memory_chunks(one_each, header.order, n)))
        for n in (max(target // row_bytes, piece), piece)
    )
    rows = RowKernel(kernel)
    need = math.prod(pieces) // kernel.k * (row_bytes + header.shape[kernel.axis] * _SCRATCH_ITEMSIZE)
    stage = MapStage(rows, Grid(output.shape, chunks), pieces, (header.shape,), layout=rows, on_host=True)
    need += 2 * math.prod(pieces) * output.dtype.itemsize
    core_s = _SORT_S * header.size
    return Draft(stage, output, header.size, need, header.nbytes, core_s=core_s)


def _chain(headers: Sequence[ArrayHeader], params: TopkParams, limits: Limits) -> Chain:
    header = headers[0]
    refuse_dtype(header.name, header.dtype)
    if header.dtype.kind == "c":
        raise InputUnsupportedError(
            f"{header.name} is complex: it has no largest elements",
            cause="complex numbers are in no order that means something",
            next="rank magnitudes: arraymill run map x.npy --expr 'abs(x)' -o abs.npy",
        )
    axes = normalize_axes(params.axis, header.ndim)
    length = math.prod(header.shape[axis] for axis in axes)
    if params.k > length:
        raise SpecError(
            f"topk: k={params.k} is more than there are", cause=f"{length} along the axis", next="ask for a smaller k"
        )
    steps = (
        Step("ranked", _RANKED, ("x",), params.model_dump()),
        Step("values", FIELD, ("ranked",), {"name": "values"}),
        Step("indices", FIELD, ("ranked",), {"name": "indices"}),
    )
    return Chain(steps, (("values", "values"), ("indices", "indices")))


def _oracle(arrays: Sequence[NDArray[Any]], params: TopkParams) -> tuple[NDArray[Any], ...]:
    x, axis = (arrays[0].reshape(-1), 0) if params.axis is None else (arrays[0], params.axis)
    if params.k > x.shape[axis]:
        raise ValueError("k is more than there are")
    if params.largest:
        # backwards, so that of equal ones the last comes first, and then forwards again
        n = x.shape[axis]
        order = n - 1 - np.flip(np.argsort(np.flip(x, axis), axis, kind="stable"), axis)
    else:
        order = np.argsort(x, axis, kind="stable")
    indices = np.take(order, np.arange(params.k), axis)
    return np.take_along_axis(x, indices, axis), indices


_RANKED = Operation("ranked", "Values and indices of the first k", "", ("x",), TopkParams, _build, _oracle)
TOPK = Operation(
    "topk",
    "The k largest or smallest elements along an axis, and their indices",
    "arraymill run topk x.npy --k 10 --axis 0 -o top.npy",
    ("x",),
    TopkParams,
    None,
    _oracle,
    chain=_chain,
)
