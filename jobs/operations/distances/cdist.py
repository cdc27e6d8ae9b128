"""`cdist`: the distances of all rows of a to all rows of b, an (m, n) matrix; accuracy and metrics in `distances`."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ...blocks import Grid, Region, Shape, as_slices, ceil_div, region_shape
from ...errors import CannotFitError
from ...headers import ArrayHeader
from ...limits import Limits, room_advice
from ...sizes import format_bytes
from ...stages.kernels import Namespace
from ...stages.shapes import ConstantStage, Draft, MapStage
from ..operation import Operation, Params
from .distances import NEAR, NEAR_FLOAT32, Metric, distances, finish_distances, wide_rows
from .inputs import check_rows, distance_dtype

__all__ = ["CDIST", "CdistParams", "DistanceKernel", "TilePanels", "distances_from"]

_TILE = {"cpu": (256, 512), "cuda": (2048, 4096)}
"""Rows of a by rows of b that are computed at once: on a CPU 1 MiB of distances, which stays in cache."""
_PIECE_BYTES = {"cpu": 8 << 20, "cuda": 256 << 20}
_PAIRS_BYTES = {"cpu": 8 << 20, "cuda": 256 << 20}
_BLOCK_BYTES = {"cpu": 64 << 20, "cuda": 1 << 30}


class CdistParams(Params):
    """Parameters of `cdist`."""

    metric: Metric = Field("euclidean", description="SciPy's distance; dot is a @ b.T, which is none")


@dataclass(frozen=True, slots=True)
class TilePanels:
    """The layout: all rows of a and of b that the tiles of a region are made of.

    Tiles begin at multiples of their size, so that an element's bits do not depend on the pieces.

    Parameters
    ----------
    a, b : tuple of int
        Shapes of the inputs.
    tile : tuple of int
    """

    a: Shape
    b: Shape
    tile: tuple[int, int]

    def regions(self, region: Region) -> tuple[Region, ...]:
        """Return the rows of a and the rows of b.

        >>> TilePanels((1000, 3), (700, 3), (256, 512)).regions(((300, 400), (0, 600)))
        (((256, 512), (0, 3)), ((0, 700), (0, 3)))
        """
        axes = zip(region, (self.a, self.b), self.tile, strict=True)
        return tuple(
            ((start // size * size, min(ceil_div(stop, size) * size, shape[0])), (0, shape[1]))
            for (start, stop), shape, size in axes
        )


@dataclass(frozen=True, slots=True)
class DistanceKernel:
    """The work of `cdist` on one piece.

    Parameters
    ----------
    metric : Metric
    tile : tuple of int
    dtype : numpy.dtype
        Of the result.

    Examples
    --------
    >>> kernel = DistanceKernel("euclidean", (256, 512), np.dtype("f8"))
    >>> kernel.apply(np, [np.zeros((1, 2)), np.array([[3.0, 4.0], [0.0, 0.0]])], ((0, 1), (0, 2)))
    array([[5., 0.]])
    """

    metric: Metric
    tile: tuple[int, int]
    dtype: np.dtype[Any]

    def apply(self, xp: Namespace, blocks: Sequence[Any], region: Region) -> Any:
        """Return the distances of a region."""
        if xp is np:
            out = np.empty(region_shape(region), self.dtype)
            self.apply_into(blocks, out, region)
            return out
        out = xp.empty(region_shape(region), dtype=getattr(xp, self.dtype.name), device=blocks[0].device)
        self._fill(xp, blocks, out, region)
        return out

    def apply_into(self, blocks: Sequence[NDArray[Any]], out: NDArray[Any], region: Region) -> None:
        """Write the distances of a region into `out`."""
        self._fill(np, blocks, out, region)

    def _fill(self, xp: Namespace, blocks: Sequence[Any], out: Any, region: Region) -> None:
        near = NEAR if self.dtype.itemsize == 8 else NEAR_FLOAT32
        for tile, kept, mine in _tiles(region, self.tile):
            a, b = (self._rows(xp, block[slice(*span)]) for block, span in zip(blocks, tile, strict=True))
            values = finish_distances(xp, distances(xp, a, b, self.metric, near=near), self.metric)
            out[as_slices(mine)] = values[as_slices(kept)]

    def _rows(self, xp: Namespace, rows: Any) -> Any:
        # of what does not cancel, in the precision of any other sum or product
        keeps_digits = self.metric == "dot" or (self.metric == "cityblock" and xp is np)
        if not keeps_digits:
            return wide_rows(xp, rows)
        return xp.asarray(rows, dtype=getattr(xp, self.dtype.name))


def _tiles(region: Region, size: tuple[int, int]) -> Iterator[tuple[Region, Region, Region]]:
    """Yield the tiles of a region: where they are in what was read, what of them is kept, and where that goes."""
    first = [start // n * n for (start, _), n in zip(region, size, strict=True)]
    spans = [range(begin, stop, n) for begin, (_, stop), n in zip(first, region, size, strict=True)]
    for row in spans[0]:
        for column in spans[1]:
            corner = (row, column)
            tile = tuple((at - f, at - f + n) for at, f, n in zip(corner, first, size, strict=True))
            bounds = [
                (max(at, start), min(at + n, stop)) for at, n, (start, stop) in zip(corner, size, region, strict=True)
            ]
            kept = tuple((low - at, high - at) for (low, high), at in zip(bounds, corner, strict=True))
            mine = tuple((low - s, high - s) for (low, high), (s, _) in zip(bounds, region, strict=True))
            yield tile, kept, mine


def _build(headers: Sequence[ArrayHeader], params: CdistParams, limits: Limits) -> Draft:
    check_rows(headers, what="cdist")
    a, b = headers
    m, n, d = a.shape[0], b.shape[0], a.shape[1]
    output = ArrayHeader("output", (m, n), distance_dtype(a.dtype, b.dtype))
    if output.size == 0:
        return Draft(ConstantStage(np.empty((m, n), output.dtype)), output, 0, 0, 0)
    tile = _TILE[limits.device]
    pieces, need, scratch = _fit_pieces(headers, output, tile, limits)
    block_bytes = limits.block_bytes or _BLOCK_BYTES[limits.device]
    chunks = _whole_tiles((m, n), tile, block_bytes // output.dtype.itemsize)
    layout = TilePanels(a.shape, b.shape, tile)
    kernel = DistanceKernel(params.metric, tile, output.dtype)
    stage = MapStage(kernel, Grid((m, n), chunks), pieces, (a.shape, b.shape), scratch, layout=layout)
    n_pieces = [ceil_div(length, piece) for length, piece in zip((m, n), pieces, strict=True)]
    return Draft(
        stage,
        output,
        flops=(2 if params.metric == "dot" else 3) * m * n * d,
        task_host_bytes=need + (scratch if limits.device == "cpu" else 0),
        task_device_bytes=need + scratch if limits.device == "cuda" else 0,
        read_bytes=a.nbytes * n_pieces[1] + b.nbytes * n_pieces[0],
    )


def _fit_pieces(
    headers: Sequence[ArrayHeader], output: ArrayHeader, tile: tuple[int, int], limits: Limits
) -> tuple[tuple[int, int], int, int]:
    """Return the shape of a piece, the bytes of its arrays, and those of what is computed beside them."""
    shape, d = (output.shape[0], output.shape[1]), headers[0].shape[1]
    # tiles are float64: their rows, twice, and distances; and pairs that are gathered
    scratch = 8 * (4 * math.prod(tile) + 4 * sum(tile) * (d + 2)) + _PAIRS_BYTES[limits.device]
    room = limits.task_host_bytes
    if limits.device == "cuda":
        room = min(room, limits.task_device_bytes - scratch)
    else:
        room -= scratch
    elements = min(_PIECE_BYTES[limits.device], max(room, 0) // 2) // output.dtype.itemsize
    for at_most in (elements, 1):
        pieces = _whole_tiles(shape, tile, at_most)
        panels = sum(rows * d * header.dtype.itemsize for rows, header in zip(pieces, headers, strict=True))
        need = panels + math.prod(pieces) * output.dtype.itemsize
        if need <= room:
            return pieces, need, scratch
    raise CannotFitError(
        f"cdist: {tile[0]} by {tile[1]} rows of {d} columns do not fit in one task",
        cause=f"they take {format_bytes(need + scratch)}; a task may take {format_bytes(limits.task_host_bytes)}",
        next=room_advice(limits, need + scratch),
    )


def _whole_tiles(shape: tuple[int, int], tile: tuple[int, int], elements: int) -> tuple[int, int]:
    """Return a chunk of whole tiles, about as high as wide: then least is read for it."""
    side = math.isqrt(max(elements, 1))
    columns = min(max(side // tile[1], 1) * tile[1], ceil_div(shape[1], tile[1]) * tile[1])
    rows = max(elements // (columns * tile[0]), 1) * tile[0]
    return min(rows, shape[0]), min(columns, shape[1])


def _oracle(arrays: Sequence[NDArray[Any]], params: CdistParams) -> NDArray[Any]:
    """Return SciPy's formulas, row by row in NumPy."""
    a, b = (array.astype(np.float64) for array in arrays)
    with np.errstate(all="ignore"):
        rows = [distances_from(row, b, params.metric) for row in a]
    dtype = distance_dtype(*(array.dtype for array in arrays))
    return np.array(rows).reshape(a.shape[0], b.shape[0]).astype(dtype)


def distances_from(row: NDArray[Any], b: NDArray[Any], metric: Metric) -> NDArray[Any]:
    """Return the distances of one row to all rows of b by the formulas alone, in NumPy."""
    difference: NDArray[Any] = b - row
    match metric:
        case "dot":
            values = b @ row
        case "cityblock":
            values = np.abs(difference).sum(axis=1)
        case "cosine":
            values = 1 - b @ row / (np.linalg.norm(b, axis=1) * np.linalg.norm(row))
        case _:
            values = finish_distances(np, (difference**2).sum(axis=1), metric)
    return np.asarray(values)


CDIST = Operation(
    "cdist",
    "Distances of all rows of one matrix to all rows of another",
    "arraymill run cdist a.npy b.npy --metric euclidean -o distances.npy",
    ("a", "b"),
    CdistParams,
    _build,
    _oracle,
)
