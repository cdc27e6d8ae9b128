"""Takes one field out of an array of records, where one stage made several results together: a step of chains."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...blocks import Grid, Region, Shape, row_major_chunks
from ...headers import ArrayHeader
from ...limits import Limits
from ...stages.kernels import Namespace
from ...stages.shapes import ConstantStage, Draft, MapStage
from ..operation import Operation, Params

__all__ = ["FIELD", "FieldKernel", "FieldLayout", "FieldParams"]

_BLOCK_BYTES, _PIECE_BYTES = 64 << 20, 4 << 20


class FieldParams(Params):
    """Parameters of `field`."""

    name: str


@dataclass(frozen=True, slots=True)
class FieldLayout:
    """The records of a region: a field may have axes of its own, which come last and are taken whole.

    Parameters
    ----------
    ndim : int
        Axes of the array of records.
    """

    ndim: int

    def regions(self, region: Region) -> tuple[Region, ...]:
        """Return the records of a region of the output."""
        return (region[: self.ndim],)


@dataclass(frozen=True, slots=True)
class FieldKernel:
    """The work on one piece.

    Examples
    --------
    >>> records = np.array([(1.5, 7), (2.5, 8)], [("distance", "f8"), ("index", "i8")])
    >>> FieldKernel("index").apply(np, [records], ((0, 2),))
    array([7, 8])
    """

    name: str

    def apply(self, xp: Namespace, blocks: Sequence[Any], region: Region) -> Any:
        """Return the field."""
        return np.ascontiguousarray(blocks[0][self.name])

    def apply_into(self, blocks: Sequence[NDArray[Any]], out: NDArray[Any], region: Region) -> None:
        """Write the field to `out`."""
        out[...] = blocks[0][self.name]


def _build(headers: Sequence[ArrayHeader], params: FieldParams, limits: Limits) -> Draft:
    records = headers[0]
    assert records.dtype.fields is not None
    field = records.dtype.fields[params.name][0]
    shape: Shape = (*records.shape, *field.shape)
    output = ArrayHeader("output", shape, field.base)
    if output.size == 0:
        return Draft(ConstantStage(np.empty(shape, field.base)), output, flops=0, task_host_bytes=0, read_bytes=0)
    # counted in records, which are read whole
    chunks = row_major_chunks(records.shape, max(_BLOCK_BYTES // records.dtype.itemsize, 1))
    pieces = row_major_chunks(chunks, max(_PIECE_BYTES // records.dtype.itemsize, 1))
    stage = MapStage(
        FieldKernel(params.name),
        Grid(shape, (*chunks, *field.shape)),
        (*pieces, *field.shape),
        (records.shape,),
        layout=FieldLayout(records.ndim),
        on_host=True,
    )
    n_records = int(np.prod(pieces, dtype=np.int64))
    return Draft(stage, output, 0, 2 * n_records * records.dtype.itemsize, records.nbytes)


def _oracle(arrays: Sequence[NDArray[Any]], params: FieldParams) -> NDArray[Any]:
    return np.asarray(arrays[0][params.name])


FIELD = Operation(
    "field",
    "One field of an array of records",
    "",
    ("records",),
    FieldParams,
    _build,
    _oracle,
)
