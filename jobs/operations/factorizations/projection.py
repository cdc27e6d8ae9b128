"""`PROJECTION`: ``(x - mean) @ directions.T``, a few rows of x at a time; `SCATTER`: means and covariance together."""

from __future__ import annotations

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
from ...stages.kernels import Namespace, Partial
from ...stages.shapes import Draft, MapStage
from ..operation import Operation, Params
from ..products.covariance import CovarianceKernel
from ..products.cross_products import draft_cross_products
from ..reductions.block_sums import cast

__all__ = ["PROJECTION", "SCATTER", "ProjectionParams", "ScatterKernel"]

_PIECE_BYTES = {"cpu": 4 << 20, "cuda": 64 << 20}
_BLOCK_BYTES = {"cpu": 64 << 20, "cuda": 1 << 30}


class ProjectionParams(Params):
    """Parameters of `PROJECTION`: the dtype of the result."""

    dtype: str


@dataclass(frozen=True, slots=True)
class _Projection:
    """Layout and kernel: differences in float64, products in `compute`."""

    n: int
    compute: np.dtype[Any]
    dtype: np.dtype[Any]

    def regions(self, region: Region) -> tuple[Region, ...]:
        rows, columns = region
        return (rows, (0, self.n)), ((0, self.n),), (columns, (0, self.n))

    def apply(self, xp: Namespace, blocks: Sequence[Any], region: Region) -> Any:
        x, mean, directions = blocks
        compute = getattr(xp, self.compute.name)
        centred = cast(xp, x - mean, compute)
        return cast(xp, xp.matmul(centred, cast(xp, directions, compute).T), getattr(xp, self.dtype.name))

    def apply_into(self, blocks: Sequence[NDArray[Any]], out: NDArray[Any], region: Region) -> None:
        out[...] = self.apply(np, blocks, region)


def _build_projection(headers: Sequence[ArrayHeader], params: ProjectionParams, limits: Limits) -> Draft:
    x, _, directions = headers
    (m, n), k, dtype = x.shape, directions.shape[0], np.dtype(params.dtype)
    compute = np.dtype(np.float64) if limits.precision == "strict" else dtype
    row_bytes = n * (x.dtype.itemsize + 16) + k * (8 + dtype.itemsize)
    room = limits.task_host_bytes if limits.device == "cpu" else min(limits.task_host_bytes, limits.task_device_bytes)
    fitting = (room - 3 * directions.nbytes) // row_bytes
    if fitting < 1:
        raise CannotFitError(
            f"{k} directions of {n} features do not fit in one task",
            cause=f"they take {format_bytes(3 * directions.nbytes)}; a task may take {format_bytes(room)}",
            safe="nothing was read or written",
            next=room_advice(limits, 3 * directions.nbytes + row_bytes, "ask for fewer components"),
        )
    piece = min(max(_PIECE_BYTES[limits.device] // (8 * n), 1), fitting, m)
    block = min(max((limits.block_bytes or _BLOCK_BYTES[limits.device]) // (8 * n * piece), 1) * piece, m)
    kernel = _Projection(n, compute, dtype)
    operands: tuple[Shape, ...] = tuple(header.shape for header in headers)
    need = 3 * directions.nbytes + piece * row_bytes
    return Draft(
        MapStage(kernel, Grid((m, k), (block, k)), (piece, k), operands, layout=kernel),
        ArrayHeader("output", (m, k), dtype),
        flops=2 * m * n * k,
        task_host_bytes=need,
        task_device_bytes=need if limits.device == "cuda" else 0,
        read_bytes=x.nbytes,
    )


def _project(arrays: Sequence[NDArray[Any]], params: ProjectionParams) -> NDArray[Any]:
    x, mean, directions = arrays
    return np.asarray(((x - mean) @ directions.T).astype(params.dtype))


PROJECTION = Operation(
    "projection",
    "(x - mean) @ directions.T",
    "",
    ("x", "mean", "directions"),
    ProjectionParams,
    _build_projection,
    _project,
)


@dataclass(frozen=True, slots=True)
class ScatterKernel:
    """The means and the covariance of columns, one behind the other; partials are those of `covariance`.

    Parameters
    ----------
    covariance : CovarianceKernel
    """

    covariance: CovarianceKernel

    @property
    def piece_elements(self) -> int:
        """As that of the covariance."""
        return self.covariance.piece_elements

    @property
    def is_exact(self) -> bool:
        """Deviations are rounded."""
        return False

    def fold(self, xp: Namespace, piece: Any, axes: tuple[int, ...], origin: Shape) -> tuple[Any, ...]:
        """Return the moments of a piece."""
        return self.covariance.fold(xp, piece, axes, origin)

    def merge(self, left: Partial, right: Partial) -> Partial:
        """Return the moments of two parts."""
        return self.covariance.merge(left, right)

    def finish(self, partial: Partial) -> NDArray[Any]:
        """Return means, then covariances."""
        return np.concatenate([partial[1].ravel(), self.covariance.finish(partial).ravel()])


def _build_scatter(headers: Sequence[ArrayHeader], params: Params, limits: Limits) -> Draft:
    header, wide = headers[0], np.dtype(np.float64)
    n = header.shape[1]
    is_narrow = header.dtype.kind == "f" and header.dtype.itemsize <= 4 and limits.precision != "strict"
    compute = np.dtype(np.float32) if is_narrow else wide
    kernel = ScatterKernel(CovarianceKernel(compute, wide, 0, 1, is_correlation=False, is_scalar=False))
    return draft_cross_products(
        header, limits, kernel=kernel, samples=0, compute=compute, result=wide, output_shape=(n + n * n,)
    )


def _scatter(arrays: Sequence[NDArray[Any]], params: Params) -> NDArray[Any]:
    x = arrays[0].astype(np.float64)
    return np.concatenate([x.mean(axis=0), np.cov(x, rowvar=False).ravel()])


SCATTER = Operation("scatter", "The means and the covariance of columns", "", ("x",), Params, _build_scatter, _scatter)
