"""`ROTATED`: the triangular factor of a wide matrix, ``q^H @ x``, where q is that of its leading square."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...blocks import Grid, Region, whole_region
from ...headers import ArrayHeader
from ...limits import Limits
from ...stages.kernels import Namespace
from ...stages.shapes import Draft, MapStage
from ..operation import Operation, Params

__all__ = ["ROTATED", "RotatedParams"]

_STRIP_BYTES = 8 << 20


class RotatedParams(Params):
    """Parameters of `ROTATED`: the dtype of the result."""

    dtype: str


@dataclass(frozen=True, slots=True)
class _Rotated:
    """Layout and kernel of ``q^H @ x``, column by column; below the diagonal it is zero, and on it real."""

    m: int
    dtype: np.dtype[Any]

    def regions(self, region: Region) -> tuple[Region, ...]:
        return ((0, self.m), region[1]), ((0, self.m), (0, self.m))

    def apply(self, xp: Namespace, blocks: Sequence[Any], region: Region) -> Any:
        x, q = (np.asarray(block) for block in blocks)
        r = q.conj().T @ x
        (start, stop), columns = region
        places = np.arange(self.m)[:, None] - np.arange(*columns)[None, :]
        r = np.where(places > 0, 0, np.where(places == 0, np.maximum(r.real, 0), r))
        return r.astype(self.dtype)[start:stop]

    def apply_into(self, blocks: Sequence[NDArray[Any]], out: NDArray[Any], region: Region) -> None:
        out[...] = self.apply(np, blocks, region)


def _build(headers: Sequence[ArrayHeader], params: RotatedParams, limits: Limits) -> Draft:
    x, q = headers
    m, n = x.shape
    kernel, itemsize = _Rotated(m, np.dtype(params.dtype)), q.dtype.itemsize
    strip = min(max((limits.block_bytes or _STRIP_BYTES) // (m * itemsize), 1), n)
    grid = Grid(x.shape, (m, min(8 * strip, n) if limits.block_bytes is None else strip))
    stage = MapStage(kernel, grid, (m, strip), tuple(h.shape for h in headers), layout=kernel, on_host=True)
    output = ArrayHeader("output", x.shape, np.dtype(params.dtype))
    need = q.nbytes + strip * m * (x.dtype.itemsize + 5 * itemsize)
    return Draft(stage, output, flops=2 * m * m * n, task_host_bytes=need, read_bytes=x.nbytes + q.nbytes)


def _oracle(arrays: Sequence[NDArray[Any]], params: RotatedParams) -> NDArray[Any]:
    x = arrays[0]
    return np.asarray(_Rotated(len(x), np.dtype(params.dtype)).apply(np, arrays, whole_region(x.shape)))


ROTATED = Operation(
    "rotated",
    "The triangular factor of a wide matrix",
    "arraymill plan qr x.npy",
    ("x", "q"),
    RotatedParams,
    _build,
    _oracle,
)
