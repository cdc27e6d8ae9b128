"""`apply`: a function or a trained model of the user on the rows of an array, in batches along axis 0.

Row by row: as many rows come out as went in, in their order, and a row's result may not depend on other rows of its
batch. More than one output (a tuple or a dict) makes one file for each.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...blocks import Grid, ceil_div
from ...dtypes import is_supported, refuse_dtype
from ...errors import CannotFitError, InputUnsupportedError, SpecError
from ...headers import ArrayHeader
from ...limits import DeviceKind, Limits, room_advice
from ...sizes import format_bytes
from ...stages.shapes import ConstantStage, Draft, MapStage
from ..chain import Chain, Step
from ..operation import Operation
from .params import ApplyParams, row_program
from .program import OpenProgram, RowProgram, open_program
from .row_bytes import ROW_BYTES
from .rows import BatchedRows, OutputRow, RowsKernel, output_dtype

__all__ = ["APPLY", "batch_rows"]

_BATCH_BYTES, _MOST_BATCH = 16 << 20, 1024
_PIECE_BYTES = {"cpu": 4 << 20, "cuda": 64 << 20}
_BLOCK_BYTES = {"cpu": 64 << 20, "cuda": 1 << 30}
_BLOCK_BATCHES = {"cpu": 128, "cuda": 1024}
"""A block has no more: how long a call takes is not known, and a block may take ten minutes at most."""
_FLOPS_PER_BYTE = 0.5
"""Of the weights of a model, for each row: each number of float32 is multiplied and added once. No more is known."""


def batch_rows(header: ArrayHeader, params: ApplyParams, program: OpenProgram) -> int:
    """Return the rows of a call: what was asked for, what the model was exported for, or what fits in 16 MiB.

    Raises
    ------
    SpecError
        If a model takes another number of rows than was asked for.
    """
    if program.n_rows is not None:
        if params.batch_size not in (None, program.n_rows):
            raise SpecError(
                f"{program.title} takes {program.n_rows} rows at a time, not {params.batch_size}",
                cause="it was exported for one size of batch",
                next=f"use --batch-size {program.n_rows}, or export it with a dynamic first dimension",
            )
        return program.n_rows
    row_bytes = math.prod(header.shape[1:]) * header.dtype.itemsize
    return params.batch_size or max(min(_BATCH_BYTES // max(row_bytes, 1), _MOST_BATCH), 1)


def _chain(headers: Sequence[ArrayHeader], params: ApplyParams, limits: Limits) -> Chain:
    given = params.model_dump(exclude_none=True)
    rows = Step("rows", _APPLY_ROWS, ("x",), given)
    outputs = _plan_rows(headers[0], params)[1]
    if len(outputs) == 1:
        return Chain((rows,), ())
    steps, offset = [rows], 0
    for output in outputs:
        taken = {"offset": offset, "dtype": output.dtype.str, "shape": output.shape}
        steps.append(Step(f"take_{output.name}", ROW_BYTES, ("rows",), taken))
        offset += output.nbytes
    return Chain(tuple(steps), tuple((output.name, f"take_{output.name}") for output in outputs))


def _plan_rows(header: ArrayHeader, params: ApplyParams) -> tuple[RowProgram, tuple[OutputRow, ...], int, OpenProgram]:
    """Return the program, its outputs, the size of a batch, and the program opened on the CPU."""
    refuse_dtype(header.name, header.dtype)
    if not header.ndim:
        raise SpecError(f"{header.name} has no rows", cause="it is a single number", next="use map")
    program = row_program(params)
    opened = open_program(program, "cpu")
    size = batch_rows(header, params, opened)
    dtype = _input_dtype(header, params)
    if opened.takes_tensors and dtype.newbyteorder("=").char in "gG":
        raise InputUnsupportedError(f"no tensor can hold {dtype}", cause=header.name, next="use --input-dtype float64")
    if params.output_dtype is not None and params.output_shape is not None:
        outputs: tuple[OutputRow, ...] = (OutputRow("", np.dtype(params.output_dtype), params.output_shape),)
    else:
        outputs = _probe(program, (min(size, max(header.shape[0], 1)), *header.shape[1:]), dtype)
    return program, outputs, size, opened


def _input_dtype(header: ArrayHeader, params: ApplyParams) -> np.dtype[Any]:
    return np.dtype(params.input_dtype) if params.input_dtype else header.dtype.newbyteorder("=")


@lru_cache(maxsize=8)
def _probe(program: RowProgram, shape: tuple[int, ...], dtype: np.dtype[Any]) -> tuple[OutputRow, ...]:
    """Return the outputs of a program, found by one call on zeros."""
    where = f"{shape[0]} rows of zeros, to see what it returns"
    with np.errstate(all="ignore"):
        found = open_program(program, "cpu").run(np.zeros(shape, dtype), where=where)
    for name, value in found.items():
        if not is_supported(value.dtype):
            raise SpecError(
                f"{program.title} returns {value.dtype}{f' as {name}' if name else ''}",
                cause="only numbers and booleans are written",
                next="return numbers",
            )
    return tuple(
        OutputRow(name, value.dtype.newbyteorder("="), tuple(value.shape[1:])) for name, value in found.items()
    )


def _build(headers: Sequence[ArrayHeader], params: ApplyParams, limits: Limits) -> Draft:
    header = headers[0]
    program, outputs, size, opened = _plan_rows(header, params)
    n_rows, row_bytes = header.shape[0], math.prod(header.shape[1:]) * header.dtype.itemsize
    out_bytes = sum(output.nbytes for output in outputs)
    row_shape = outputs[0].shape if len(outputs) == 1 else (out_bytes,)
    output = ArrayHeader("output", (n_rows, *row_shape), output_dtype(outputs))
    if output.size == 0:
        return Draft(ConstantStage(np.empty(output.shape, output.dtype)), output, 0, 0, 0)
    given_bytes = math.prod(header.shape[1:]) * _input_dtype(header, params).itemsize
    on_host, widest = not opened.takes_tensors, max(row_bytes, out_bytes, 1)
    piece, block = _cut(widest, size, "cpu" if on_host else limits.device, limits.block_bytes)
    stage = MapStage(
        RowsKernel(program, outputs, size, block, _input_dtype(header, params)),
        Grid(output.shape, (min(block, n_rows), *row_shape)),
        (min(piece, block, n_rows), *row_shape),
        (header.shape,),
        layout=BatchedRows(header.shape, size),
        on_host=on_host,
    )
    model_bytes = sum(Path(path).stat().st_size for path, _ in filter(None, (program.model, program.weights)))
    need = (piece + size) * (row_bytes + out_bytes) + 2 * size * (given_bytes + out_bytes) + model_bytes
    return Draft(
        stage,
        output,
        flops=int(_FLOPS_PER_BYTE * model_bytes * n_rows),
        task_host_bytes=_checked(need, size, limits),
        task_device_bytes=need if limits.device == "cuda" and not on_host else 0,
        read_bytes=n_rows * row_bytes,
        notes=_notes(program, params),
    )


def _cut(row_bytes: int, size: int, device: DeviceKind, block_bytes: int | None) -> tuple[int, int]:
    """Return the rows of a piece and of a block: whole batches."""
    batch_bytes = size * row_bytes
    n_batches = max(min((block_bytes or _BLOCK_BYTES[device]) // batch_bytes, _BLOCK_BATCHES[device]), 1)
    n_at_once = max(min(_PIECE_BYTES[device] // batch_bytes, n_batches), 1)
    return n_at_once * size, ceil_div(n_batches, n_at_once) * n_at_once * size


def _checked(need: int, size: int, limits: Limits) -> int:
    if need <= limits.task_host_bytes:
        return need
    raise CannotFitError(
        f"a batch of {size} rows does not fit in one task with the model",
        cause=f"they take {format_bytes(need)}; a task may take {format_bytes(limits.task_host_bytes)}",
        next=room_advice(limits, need, "use a smaller --batch-size"),
    )


def _notes(program: RowProgram, params: ApplyParams) -> tuple[str, ...]:
    trusted = f"{program.title} runs with your rights; its SHA-256 is {program.digest[:16]}..."
    found = "" if params.output_dtype else "its result's dtype and shape were found by a call on zeros"
    return tuple(filter(None, (trusted, found)))


def _oracle(arrays: Sequence[NDArray[Any]], params: ApplyParams) -> NDArray[Any] | tuple[NDArray[Any], ...]:
    """Return what a plain loop over batches gives."""
    x = arrays[0]
    _, outputs, size, opened = _plan_rows(ArrayHeader("x", x.shape, x.dtype), params)
    given = x.astype(_input_dtype(ArrayHeader("x", x.shape, x.dtype), params))
    starts = range(0, len(x), size)
    made = [opened.run(given[start : start + size].copy(), where=f"rows from {start}") for start in starts]
    results = tuple(
        np.concatenate([np.empty((0, *row.shape), row.dtype), *(each[row.name] for each in made)]).astype(row.dtype)
        for row in outputs
    )
    return results[0] if len(results) == 1 else results


_SUMMARY = "A function or a trained model of yours, on rows in batches"
_EXAMPLE = "arraymill run apply x.npy --function model.py:predict --batch-size 256 -o out.npy"
_APPLY_ROWS = Operation("apply_rows", _SUMMARY, "", ("x",), ApplyParams, _build, _oracle)
APPLY = Operation("apply", _SUMMARY, _EXAMPLE, ("x",), ApplyParams, None, _oracle, chain=_chain)
