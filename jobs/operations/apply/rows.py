"""The work of `apply` on one piece: rows in batches that begin at multiples of the batch size, whatever the blocks are.

::

    rows            0    8   16   24   32   40     batch_size 8
    piece             |###########|                rows 10 to 22 of the result
    read and called |----|----|----|               rows 8 to 24, in two calls; the rest of their results is cut off

So a row is in the same batch on any grid, and after any split for want of memory.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...blocks import Region, Shape, as_slices, region_shape
from ...errors import UserCodeError
from ...stages.kernels import Namespace
from .program import OpenProgram, RowProgram, open_program

__all__ = ["BatchedRows", "OutputRow", "RowsKernel", "output_dtype"]


@dataclass(frozen=True, slots=True)
class OutputRow:
    """One row of an output.

    Parameters
    ----------
    name : str
        "" where there is one output.
    dtype : numpy.dtype
    shape : tuple of int
    """

    name: str
    dtype: np.dtype[Any]
    shape: Shape

    @property
    def nbytes(self) -> int:
        """Bytes of a row."""
        return self.dtype.itemsize * math.prod(self.shape)


@dataclass(frozen=True, slots=True)
class BatchedRows:
    """The layout: the whole batches that rows of the output are in.

    Parameters
    ----------
    shape : tuple of int
        Of the input.
    batch_size : int
    """

    shape: Shape
    batch_size: int

    def regions(self, region: Region) -> tuple[Region, ...]:
        """Return the rows that are given to the program.

        >>> BatchedRows((100, 4), 8).regions(((10, 22), (0, 3)))
        (((8, 24), (0, 4)),)
        """
        (start, stop), size = region[0], self.batch_size
        rows = (start // size * size, min(-(-stop // size) * size, self.shape[0]))
        return ((rows, *((0, n) for n in self.shape[1:])),)


@dataclass(frozen=True, slots=True)
class RowsKernel:
    """The work of `apply` on one piece.

    Parameters
    ----------
    program : RowProgram
    outputs : tuple of OutputRow
        One is written as it is; the bytes of several are written side by side, a row of the output for each row.
    batch_size : int
    block_rows : int
        Of the grid, to say in which block an error was.
    input_dtype : numpy.dtype
        What rows are converted to before they are given.
    """

    program: RowProgram
    outputs: tuple[OutputRow, ...]
    batch_size: int
    block_rows: int
    input_dtype: np.dtype[Any]

    def apply_into(self, blocks: Sequence[NDArray[Any]], out: NDArray[Any], region: Region) -> None:
        """Write the results of the rows of a region into `out`."""
        program, inner = open_program(self.program, "cpu"), as_slices(region[1:])
        for given, kept, mine in _batches(region[0], self.batch_size):
            # of its own: a user's code may write to it, or keep it
            rows = np.array(blocks[0][slice(*given)], self.input_dtype, order="C", copy=True)
            out[slice(*mine)] = self._call(np, program, rows, given, region)[(slice(*kept), *inner)]

    def apply(self, xp: Namespace, blocks: Sequence[Any], region: Region) -> Any:
        """Return the results of the rows of a region, on the device of the tensors."""
        if xp is np:
            out = np.empty(region_shape(region), output_dtype(self.outputs))
            self.apply_into(blocks, out, region)
            return out
        program, inner = open_program(self.program, str(blocks[0].device)), as_slices(region[1:])
        results = []
        for given, kept, _ in _batches(region[0], self.batch_size):
            rows = xp.asarray(blocks[0][slice(*given)], dtype=getattr(xp, self.input_dtype.name), copy=True)
            results.append(self._call(xp, program, rows, given, region)[(slice(*kept), *inner)])
        return xp.concat(results)

    def _call(self, xp: Namespace, program: OpenProgram, rows: Any, given: tuple[int, int], region: Region) -> Any:
        start = region[0][0]
        first = start // self.batch_size * self.batch_size + given[0]
        where = f"rows {first}:{first + rows.shape[0]} (block {start // self.block_rows})"
        results = program.run(rows, where=where)
        if results.keys() != {row.name for row in self.outputs}:
            raise UserCodeError(
                f"{program.title} returned other outputs on {where} than when it was tried",
                cause=f"then {_names(row.name for row in self.outputs)}; now {_names(results)}",
                next="return the same outputs for all rows",
            )
        fitting = [_fit(xp, results[row.name], row, f"{program.title} on {where}") for row in self.outputs]
        return fitting[0] if len(fitting) == 1 else xp.concat([_as_bytes(xp, value) for value in fitting], axis=1)


def output_dtype(outputs: Sequence[OutputRow]) -> np.dtype[Any]:
    """Return the dtype of the array that is written: of one output its own, of several bytes."""
    return outputs[0].dtype if len(outputs) == 1 else np.dtype(np.uint8)


def _batches(span: tuple[int, int], size: int) -> list[tuple[tuple[int, int], ...]]:
    """Return per batch: its rows among those that were read, those of its results that are kept, and where they go.

    >>> _batches((10, 22), 8)
    [((0, 8), (2, 8), (0, 6)), ((8, 16), (0, 6), (6, 12))]
    """
    start, stop = span
    first = start // size * size
    batches: list[tuple[tuple[int, int], ...]] = []
    for begin in range(first, stop, size):
        low, high = max(begin, start), min(begin + size, stop)
        given = (begin - first, begin - first + size)
        batches.append((given, (low - begin, high - begin), (low - start, high - start)))
    return batches


def _fit(xp: Namespace, value: Any, row: OutputRow, where: str) -> Any:
    """Return a result in the planned dtype, where that loses no more than digits."""
    found = np.dtype(str(value.dtype).removeprefix("torch."))
    if tuple(value.shape[1:]) != row.shape or not np.can_cast(found, row.dtype, "same_kind"):
        raise UserCodeError(
            f"{where} returned {found} of shape {tuple(value.shape)}",
            cause=f"planned was {row.dtype}, each row of shape {row.shape}",
            next="return the same for all rows, or say what to plan with --output-dtype and --output-shape",
        )
    return value if found == row.dtype else xp.astype(value, getattr(xp, row.dtype.name))


def _as_bytes(xp: Namespace, value: Any) -> Any:
    """Return the bytes of each row."""
    if xp is np:
        rows = np.ascontiguousarray(value).reshape(value.shape[0], math.prod(value.shape[1:]))
        return rows.view(np.uint8)
    real = xp.view_as_real(value) if value.is_complex() else value
    # contiguous() leaves the strides of axes of length 1 as they are, and view() looks at them
    rows = real.reshape(real.shape[0], math.prod(real.shape[1:])).clone(memory_format=xp.contiguous_format)
    return rows.view(xp.uint8)


def _names(names: Iterable[str]) -> str:
    return ", ".join(name or "one array" for name in names)
