"""A typed expression as a short list of steps over a few registers, run on NumPy in pieces that stay in cache.

::

    (x - 3) * exp(y)        r0 = x - 3
                            r1 = exp(y)
                            result = r0 * r1

A fresh array of several MiB costs page faults, more than the arithmetic: so steps write into small scratch arrays that
are used again for every piece, and the last step writes into the result.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ...blocks import Grid, Shape, as_slices, broadcast_region, row_major_chunks
from .functions import CASTS, FUNCTIONS, write_cast
from .typed import Apply, Input, Scalar, Typed

__all__ = ["Operand", "Program", "Register", "Step", "compile_program", "run_on_numpy"]

PIECE_BYTES = 256 << 10
"""Of the widest array of a program, in one piece: a handful of them fit the second-level cache."""


@dataclass(frozen=True, slots=True)
class Register:
    """A temporary, by its number."""

    number: int


Operand: TypeAlias = Input | Scalar | Register


@dataclass(frozen=True, slots=True)
class Step:
    """One function of operands; its result goes to `register`, or is the program's if that is None."""

    function: str
    operands: tuple[Operand, ...]
    loop: tuple[np.dtype[Any], ...]
    dtype: np.dtype[Any]
    register: int | None


@dataclass(frozen=True, slots=True)
class Program:
    """The steps of an expression.

    Parameters
    ----------
    steps : tuple of Step
        At least one; the last one makes the result.
    registers : tuple of numpy.dtype
        The dtype of each temporary.
    """

    steps: tuple[Step, ...]
    registers: tuple[np.dtype[Any], ...]

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of the result."""
        return self.steps[-1].dtype

    @property
    def flops(self) -> int:
        """Floating point operations for one element, an estimate."""
        return sum(FUNCTIONS[step.function].flops for step in self.steps if step.function in FUNCTIONS)

    @property
    def piece_elements(self) -> int:
        """How many elements are worked on at once on the CPU."""
        dtypes = [*self.registers, self.dtype]
        dtypes += [operand.dtype for step in self.steps for operand in step.operands if isinstance(operand, Input)]
        return PIECE_BYTES // max(dtype.itemsize for dtype in dtypes)

    @property
    def register_itemsize(self) -> int:
        """Bytes that the temporaries take for one element."""
        return sum(dtype.itemsize for dtype in self.registers)


def compile_program(typed: Typed) -> Program:
    """Return the steps of a typed expression, with registers used again once they are free.

    >>> f4 = np.dtype("f4")
    >>> root = Apply("exp", (Apply("negative", (Input(0, f4),), (f4,), f4),), (f4,), f4)
    >>> [(step.function, step.register) for step in compile_program(root).steps]
    [('negative', 0), ('exp', None)]
    """
    assert not isinstance(typed, Scalar)
    root = typed if isinstance(typed, Apply) else Apply(typed.dtype.name, (typed,), (typed.dtype,), typed.dtype)
    compiler = _Compiler()
    compiler.emit(root, last=True)
    return Program(tuple(compiler.steps), tuple(compiler.registers))


class _Compiler:
    """Emits steps and hands out registers; a register is free again after the step that reads it."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.registers: list[np.dtype[Any]] = []
        self.free: list[int] = []

    def emit(self, node: Apply, *, last: bool = False) -> Operand:
        operands = [self.emit(operand) if isinstance(operand, Apply) else operand for operand in node.operands]
        if node.function == "power":
            operands[1] = self.dense(operands[1])
        read = [operand.number for operand in operands if isinstance(operand, Register)]
        alias = node.function in FUNCTIONS and FUNCTIONS[node.function].may_alias
        if alias:
            self.free += read
        register = None if last else self.take(node.dtype)
        if not alias:
            self.free += read
        self.steps.append(Step(node.function, tuple(operands), node.loop, node.dtype, register))
        return Register(-1 if register is None else register)

    def dense(self, operand: Operand) -> Operand:
        """Copy an array exponent: NumPy rounds differently where one is broadcast, which depends on the blocks."""
        if not isinstance(operand, Input):
            return operand
        register = self.take(operand.dtype)
        self.steps.append(Step(operand.dtype.name, (operand,), (operand.dtype,), operand.dtype, register))
        return Register(register)

    def take(self, dtype: np.dtype[Any]) -> int:
        for register in self.free:
            if self.registers[register] == dtype:
                self.free.remove(register)
                return register
        self.registers.append(dtype)
        return len(self.registers) - 1


def run_on_numpy(program: Program, blocks: Sequence[NDArray[Any]], out: NDArray[Any]) -> None:
    """Write the program's result for NumPy arrays that broadcast to the shape of `out`.

    Floating point warnings are off: a worker would print them for every piece, and the values are NumPy's anyway.

    Parameters
    ----------
    program : Program
    blocks : sequence of numpy.ndarray
        The inputs by number; they are not written to.
    out : numpy.ndarray
        Of the program's dtype, in any layout; it shares no memory with the blocks.

    Raises
    ------
    ValueError
        For a negative power of integers, as NumPy does.
    """
    blocks, out = _flatten(blocks, out)
    grid = Grid(out.shape, row_major_chunks(out.shape, program.piece_elements))
    n_scratch = min(math.prod(grid.chunks), out.size)
    scratch = [np.empty(n_scratch, dtype) for dtype in program.registers]
    with np.errstate(all="ignore"):
        for region in grid.regions():
            pieces = [block[as_slices(broadcast_region(region, block.shape))] for block in blocks]
            _run_piece(program, pieces, scratch, out[as_slices(region)] if region else out)


def _run_piece(
    program: Program, pieces: Sequence[NDArray[Any]], scratch: Sequence[NDArray[Any]], out: NDArray[Any]
) -> None:
    registers = [array[: out.size].reshape(out.shape) for array in scratch]
    for step in program.steps:
        target = out if step.register is None else registers[step.register]
        operands = [_fetch(operand, pieces, registers) for operand in step.operands]
        if step.function in CASTS:
            write_cast(target, operands[0])
        else:
            FUNCTIONS[step.function].write(target, *operands)


def _fetch(operand: Operand, pieces: Sequence[NDArray[Any]], registers: Sequence[NDArray[Any]]) -> Any:
    match operand:
        case Scalar():
            return operand.value
        case Input():
            return pieces[operand.number]
        case Register():
            return registers[operand.number]


def _flatten(blocks: Sequence[NDArray[Any]], out: NDArray[Any]) -> tuple[list[NDArray[Any]], NDArray[Any]]:
    """Return the arrays as one long axis where their layouts allow it, else as they are."""
    full = [block for block in blocks if block.size != 1]
    if any(block.shape != out.shape for block in full):
        return list(blocks), out
    if not out.flags.c_contiguous and all(array.flags.f_contiguous for array in (*full, out)):
        return _flatten([block.T for block in blocks], out.T)
    if not all(array.flags.c_contiguous for array in (*full, out)):
        return list(blocks), out
    shape: Shape = (out.size,)
    return [block.reshape(-1 if block.size != 1 else 1) for block in blocks], out.reshape(shape)
