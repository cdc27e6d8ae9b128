"""Numbers and their weights as one array of records, for a reduction: a step of chains, computed as it is read."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...blocks import Grid, Region, row_major_chunks
from ...dtypes import refuse_dtype
from ...errors import SpecError
from ...headers import ArrayHeader
from ...limits import Limits
from ...stages.kernels import Namespace
from ...stages.shapes import ConstantStage, Draft, MapStage
from ..operation import Operation, Params

__all__ = ["PAIR", "PairKernel", "PairParams", "refuse_more_than_weights"]

_BLOCK_BYTES, _PIECE_BYTES = 64 << 20, 4 << 20


class PairParams(Params):
    """`pair` has no parameters."""


@dataclass(frozen=True, slots=True)
class PairKernel:
    """Records of the fields ``number`` and ``weight``.

    Parameters
    ----------
    dtype : numpy.dtype

    Examples
    --------
    >>> dtype = np.dtype([("number", "i4"), ("weight", "f8")])
    >>> PairKernel(dtype).apply(np, [np.array([3]), np.array([0.5])], ((0, 1),)).tolist()
    [(3, 0.5)]
    """

    dtype: np.dtype[Any]

    is_elementwise = True

    def apply(self, xp: Namespace, blocks: Sequence[Any], region: Region) -> Any:
        """Return the records of a region."""
        out = np.empty(blocks[0].shape, self.dtype)
        self.apply_into(blocks, out, region)
        return out

    def apply_into(self, blocks: Sequence[NDArray[Any]], out: NDArray[Any], region: Region) -> None:
        """Write the records of a region to `out`."""
        out["number"], out["weight"] = blocks


def refuse_more_than_weights(name: str, headers: Sequence[ArrayHeader]) -> None:
    """Refuse more inputs than an array and its weights.

    Raises
    ------
    SpecError
    """
    if len(headers) > 2:
        raise SpecError(
            f"{name} takes an array and, if there are any, its weights",
            cause=f"{len(headers)} inputs were given",
            next="several files are one input where they are joined: arraymill run concatenate",
        )


def _build(headers: Sequence[ArrayHeader], params: PairParams, limits: Limits) -> Draft:
    numbers, weights = headers
    refuse_dtype(weights.name, weights.dtype)
    if numbers.shape != weights.shape:
        raise SpecError(
            "weights should have the same shape as a.",
            cause=f"{numbers.name} has {numbers.shape}, {weights.name} {weights.shape}",
            next="give one weight for each element",
        )
    fields = zip(("number", "weight"), headers, strict=True)
    dtype = np.dtype([(name, header.dtype.newbyteorder("=")) for name, header in fields])
    reverse = all(header.order == "F" for header in headers)
    output = ArrayHeader("output", numbers.shape, dtype, "F" if reverse else "C")
    if output.size == 0:
        empty = np.empty(output.shape, dtype)
        return Draft(ConstantStage(empty), output, flops=0, task_host_bytes=0, read_bytes=0)
    shape = numbers.shape[::-1] if reverse else numbers.shape
    chunks = row_major_chunks(shape, max((limits.block_bytes or _BLOCK_BYTES) // dtype.itemsize, 1))
    pieces = row_major_chunks(chunks, max(_PIECE_BYTES // dtype.itemsize, 1))
    stage = MapStage(PairKernel(dtype), Grid(shape, chunks), pieces, (shape, shape), reverse=reverse, on_host=True)
    need = 2 * math.prod(pieces) * dtype.itemsize
    return Draft(stage, output, 0, need, sum(header.nbytes for header in headers))


def _oracle(arrays: Sequence[NDArray[Any]], params: PairParams) -> NDArray[Any]:
    dtype = np.dtype([("number", arrays[0].dtype), ("weight", arrays[1].dtype)])
    return np.asarray(PairKernel(dtype).apply(np, arrays, ()))


PAIR = Operation("pair", "Numbers and their weights", "", ("x", "weights"), PairParams, _build, _oracle)
