"""Copies an input that can only be read from front to back, as a compressed one, to where regions of it can be read.

A step that jobs put before their operation by themselves: one block, so that one worker reads it once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...blocks import Grid, Region
from ...headers import ArrayHeader
from ...limits import Limits
from ...stages.kernels import Namespace
from ...stages.shapes import ConstantStage, Draft, MapStage
from ..chain import Chain, Step
from ..operation import Operation, Params, input_names

__all__ = ["INGEST", "CopyKernel", "IngestParams", "after_ingest"]

_PIECE_BYTES = 8 << 20


class IngestParams(Params):
    """ingest has no parameters."""


@dataclass(frozen=True, slots=True)
class CopyKernel:
    """The work on one piece: none."""

    def apply(self, xp: Namespace, blocks: Sequence[Any], region: Region) -> Any:
        """Return the piece."""
        return blocks[0]

    def apply_into(self, blocks: Sequence[NDArray[Any]], out: NDArray[Any], region: Region) -> None:
        """Copy the piece."""
        out[...] = blocks[0]


def _build(headers: Sequence[ArrayHeader], params: IngestParams, limits: Limits) -> Draft:
    header = headers[0]
    output = ArrayHeader("output", header.shape, header.dtype.newbyteorder("="), header.order)
    if header.size == 0:
        return Draft(ConstantStage(np.empty(header.shape, output.dtype)), output, 0, 0, 0)
    is_reversed = header.order == "F"
    shape = header.shape[::-1] if is_reversed else header.shape
    row_bytes = header.nbytes // shape[0] if shape else header.nbytes
    # leading rows alone, in their order: there is no way back
    pieces = (max(min(_PIECE_BYTES // row_bytes, shape[0]), 1), *shape[1:]) if shape else ()
    stage = MapStage(CopyKernel(), Grid(shape, shape), pieces, (shape,), reverse=is_reversed, on_host=True)
    piece_bytes = (pieces[0] if pieces else 1) * row_bytes
    return Draft(stage, output, flops=0, task_host_bytes=2 * piece_bytes, read_bytes=header.nbytes)


def after_ingest(operation: Operation, streamed: Sequence[int]) -> Operation:
    """Return an operation whose inputs of these numbers are first copied to where regions of them can be read."""

    def chain(headers: Sequence[ArrayHeader], params: Params, limits: Limits) -> Chain:
        names = list(input_names(operation, len(headers)))
        copies = [Step(f"ingest_{names[number]}", INGEST, (names[number],)) for number in streamed]
        for number, step in zip(streamed, copies, strict=True):
            names[number] = step.name
        return Chain((*copies, Step(operation.name, operation, tuple(names), params.model_dump())), ())

    return Operation(
        operation.name,
        operation.summary,
        operation.example,
        operation.inputs,
        operation.params,
        None,
        operation.oracle,
        variadic=operation.variadic,
        chain=chain,
    )


def _oracle(arrays: Sequence[NDArray[Any]], params: IngestParams) -> NDArray[Any]:
    return np.array(arrays[0])


INGEST = Operation("ingest", "A copy that regions can be read of", "", ("x",), IngestParams, _build, _oracle)
