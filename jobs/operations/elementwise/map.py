"""`map`: an expression of NumPy's elementwise functions over arrays that broadcast, ``"(x - 3) * exp(y)"``."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ...blocks import Grid, Region, Shape, ceil_div, row_major_chunks
from ...dtypes import refuse_dtype
from ...errors import CannotFitError, SpecError
from ...headers import ArrayHeader, Order
from ...limits import Limits
from ...stages.kernels import Namespace
from ...stages.shapes import ConstantStage, Draft, MapStage
from ...stored_chunks import aligned_chunks, stored_chunks
from ..operation import Operation, Params, input_names
from .expression import parse_expression, suggest
from .functions import CASTS, FUNCTIONS
from .program import Program, compile_program, run_on_numpy
from .torch_program import check_on_cuda, run_on_torch
from .typed import Apply, Input, Scalar, Typed, cast_typed, input_numbers, type_expression

__all__ = ["MAP", "ExpressionKernel", "MapParams"]

_BLOCK_BYTES = {"cpu": 64 << 20, "cuda": 1 << 30}
"""Of the widest array, in one task."""
_PIECE_BYTES = {"cpu": 4 << 20, "cuda": 64 << 20}
"""Of the widest array, in one piece: what is read at once, and what a GPU is given at once."""


class MapParams(Params):
    """Parameters of `map`."""

    expr: str = Field(description='what to compute, element by element: "(x - 3) * exp(y)"')
    dtype: str | None = Field(None, description="dtype of the result; by default NumPy's")
    names: tuple[str, ...] = Field(
        (), description="names of the inputs in the expression; by default x, y, z, x3, x4 ..."
    )


@dataclass(frozen=True, slots=True)
class ExpressionKernel:
    """The work of `map` on one piece.

    Examples
    --------
    >>> f4 = np.dtype("f4")
    >>> typed = type_expression(parse_expression("x * 2 + y"), {"x": f4, "y": f4})
    >>> kernel = ExpressionKernel(compile_program(typed))
    >>> kernel.apply(np, [np.ones((2, 3), f4), np.arange(3, dtype=f4)])
    array([[2., 3., 4.],
           [2., 3., 4.]], dtype=float32)
    """

    program: Program

    is_elementwise = True

    def apply(self, xp: Namespace, blocks: Sequence[Any], region: Region = ()) -> Any:
        """Return the output piece of the operands' pieces, which it never writes to."""
        if xp is not np:
            return run_on_torch(self.program, xp, blocks)
        shape = np.broadcast_shapes(*(block.shape for block in blocks))
        fortran = all(block.flags.f_contiguous for block in blocks if block.shape == shape)
        out = np.empty(shape, self.program.dtype, order="F" if fortran and len(shape) > 1 else "C")
        self.apply_into(blocks, out)
        return out

    def apply_into(self, blocks: Sequence[NDArray[Any]], out: NDArray[Any], region: Region = ()) -> None:
        """Write the output piece of NumPy operands into `out`, which saves the page faults of a new array."""
        run_on_numpy(self.program, blocks, out)


def _build(headers: Sequence[ArrayHeader], params: MapParams, limits: Limits) -> Draft:
    for header in headers:
        refuse_dtype(header.name, header.dtype)
    shape = _broadcast(headers)
    typed = _type(params, [header.dtype for header in headers])
    program = compile_program(typed)
    if limits.device == "cuda":
        check_on_cuda(program)
    order = _order(headers, shape)
    output = ArrayHeader("output", shape, program.dtype, order)
    if output.size == 0:
        empty = np.empty(shape, program.dtype)
        return Draft(ConstantStage(empty), output, flops=0, task_host_bytes=0, read_bytes=0)
    stage = _stage(headers, program, output, limits)
    arrays_bytes = math.prod(stage.pieces) * sum(header.dtype.itemsize for header in (*headers, output))
    return Draft(
        stage,
        output,
        flops=program.flops * output.size,
        task_host_bytes=arrays_bytes + (stage.temporaries if limits.device == "cpu" else 0),
        task_device_bytes=arrays_bytes + stage.temporaries if limits.device == "cuda" else 0,
        read_bytes=sum(_read_bytes(stage, header) for header in headers),
    )


def _type(params: MapParams, dtypes: Sequence[np.dtype[Any]]) -> Typed:
    names = _checked_names(params.names, len(dtypes))
    typed = type_expression(parse_expression(params.expr), dict(zip(names, dtypes, strict=True)))
    unused = [name for number, name in enumerate(names) if number not in input_numbers(typed)]
    if unused:
        raise SpecError(
            f"the expression does not use {', '.join(unused)}",
            cause=f"{len(names)} inputs are called {', '.join(names)}; the expression is {params.expr}",
            next="leave that input out, or use it",
        )
    return typed if params.dtype is None else _cast_result(typed, params.dtype)


def _checked_names(names: tuple[str, ...], n_inputs: int) -> tuple[str, ...]:
    names = names or input_names(MAP, n_inputs)
    if len(set(names)) == n_inputs == len(names) and all(name.isidentifier() and name.isascii() for name in names):
        return names
    raise SpecError(
        "the names of the inputs do not fit",
        cause=f"{n_inputs} inputs, names: {', '.join(names)}",
        next="give each input one name of letters, digits and _",
    )


def _cast_result(typed: Typed, name: str) -> Typed:
    if name not in CASTS:
        raise SpecError(f"unknown dtype {name}", cause="params.dtype", next=suggest(name, CASTS))
    assert not isinstance(typed, Scalar)
    if not np.can_cast(typed.dtype, CASTS[name], "same_kind"):
        raise SpecError(
            f"the result would be cut from {typed.dtype} to {name}",
            cause="dtype= converts within one kind: a float is not cut to an integer silently",
            next=f"write {name}(...) in the expression" if typed.dtype.kind != "c" else "write real(...) or abs(...)",
        )
    return cast_typed(typed, CASTS[name])


def _broadcast(headers: Sequence[ArrayHeader]) -> Shape:
    try:
        return np.broadcast_shapes(*(header.shape for header in headers))
    except ValueError as error:
        shapes = ", ".join(f"{header.name} {header.shape}" for header in headers)
        raise SpecError(f"map: {error}", cause=shapes, next="make the trailing axes equal, or 1") from error


def _order(headers: Sequence[ArrayHeader], shape: Shape) -> Order:
    """Return "F" only where every array can be taken with its axes reversed: broadcasting adds axes at the front."""
    full = [header for header in headers if header.shape == shape]
    reversible = all(header.ndim == len(shape) or header.size == 1 for header in headers)
    return "F" if full and reversible and all(header.order == "F" for header in full) else "C"


def _stage(headers: Sequence[ArrayHeader], program: Program, output: ArrayHeader, limits: Limits) -> MapStage:
    reverse = output.order == "F"
    shape = output.shape[::-1] if reverse else output.shape
    widest = max(header.dtype.itemsize for header in (*headers, output))
    largest = max((limits.block_bytes or _BLOCK_BYTES[limits.device]) // widest, 1)
    stored = stored_chunks(headers, shape, reverse=reverse)
    chunks = (stored and aligned_chunks(stored, largest)) or row_major_chunks(shape, largest)
    pieces = row_major_chunks(chunks, min(_PIECE_BYTES[limits.device] // widest, _allowed(headers, program, limits)))
    operands = tuple(header.shape[::-1] if reverse else header.shape for header in headers)
    n_elements = math.prod(pieces)
    if limits.device == "cuda":
        scratch = n_elements * _temporary_itemsize(program)
    else:
        scratch = min(n_elements, program.piece_elements) * program.register_itemsize
    return MapStage(ExpressionKernel(program), Grid(shape, chunks), pieces, operands, scratch, reverse)


def _allowed(headers: Sequence[ArrayHeader], program: Program, limits: Limits) -> int:
    """Return how many elements a piece may have: one piece may be read while another is worked on."""
    arrays = sum(header.dtype.itemsize for header in headers) + program.dtype.itemsize
    allowed = limits.task_host_bytes // (2 * arrays + program.register_itemsize)
    if limits.device == "cuda":
        allowed = min(allowed, limits.task_device_bytes // (arrays + _temporary_itemsize(program)))
    if allowed > 0:
        return allowed
    raise CannotFitError(
        "one element of every input does not fit in memory",
        cause=f"a task may take {limits.task_host_bytes} bytes",
        next="raise --memory",
    )


def _temporary_itemsize(program: Program) -> int:
    """Return the bytes per element that steps take on a GPU: registers, and three wide operands on their way."""
    return program.register_itemsize + 3 * 8


def _read_bytes(stage: MapStage, header: ArrayHeader) -> int:
    """Return the bytes read from one input: a broadcast one is read again for the pieces along its missing axes."""
    shape = stage.grid.shape
    operand = header.shape[::-1] if stage.reverse else header.shape
    padded = (1,) * (len(shape) - len(operand)) + operand
    again = [ceil_div(n, piece) for n, own, piece in zip(shape, padded, stage.pieces, strict=True) if own == 1]
    return header.nbytes * math.prod(again)


def _oracle(arrays: Sequence[NDArray[Any]], params: MapParams) -> NDArray[Any]:
    with np.errstate(all="ignore"):
        return np.asarray(_call_numpy(_type(params, [array.dtype for array in arrays]), arrays))


def _call_numpy(typed: Typed, arrays: Sequence[NDArray[Any]]) -> Any:
    """Return NumPy's own functions of whole arrays."""
    match typed:
        case Input():
            return arrays[typed.number]
        case Scalar():
            return typed.value
        case Apply():
            operands = [_call_numpy(operand, arrays) for operand in typed.operands]
            if typed.function in CASTS:
                return np.asarray(operands[0]).astype(typed.dtype)
            return FUNCTIONS[typed.function].call(*operands)


MAP = Operation(
    name="map",
    summary="An expression, element by element, over arrays that broadcast",
    example='arraymill run map x.npy y.npy --expr "(x - 3) * exp(y)" -o out.npy',
    inputs=("x",),
    params=MapParams,
    build=_build,
    oracle=_oracle,
    variadic=True,
)
