"""Reductions of everything to a small table, to which each block contributes: counts, extremes, the largest few."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ...blocks import Grid, Shape, row_major_chunks
from ...errors import CannotFitError
from ...headers import ArrayHeader, Order
from ...limits import Limits, room_advice
from ...sizes import format_bytes
from ...stages.kernels import ReduceKernel
from ...stages.shapes import Draft, ReduceStage

__all__ = ["PIECE_ELEMENTS", "draft_tables", "memory_chunks"]

PIECE_ELEMENTS = 1 << 20
_CUDA_PIECE_ELEMENTS = 16 << 20
_LEAST_BLOCK_BYTES = {"cpu": 64 << 20, "cuda": 1 << 30}
_MOST_BLOCK_BYTES = 4 << 30
_N_TASKS = 256
_READ_PER_PARTIAL = 16
"""A block reads at least so many times the bytes of the table that it returns."""
_COUNT_S = 5e-9
"""Of one core for an element and a pass; measured were 2 to 8. For the prediction alone."""
_PIECE_PER_TABLE = 2
"""A piece has so many times the elements of the table that it is counted in."""


def draft_tables(
    header: ArrayHeader,
    limits: Limits,
    *,
    kernel: ReduceKernel,
    output: ArrayHeader,
    table_elements: int,
    what: str,
    way_out: str,
    given: Sequence[ArrayHeader] = (),
    scratch_itemsize: int = 40,
    on_host: bool = False,
) -> Draft:
    """Return the draft of a reduction whose partials are tables.

    Parameters
    ----------
    header : ArrayHeader
        Of the array, not empty.
    limits : Limits
    kernel : ReduceKernel
        Exact, or within its bounds whatever the pieces are.
    output : ArrayHeader
    table_elements : int
        Elements of 8 bytes of a partial.
    what, way_out : str
        For the message of a table that does not fit.
    given : sequence of ArrayHeader
        Small inputs behind the array.
    scratch_itemsize : int
        Bytes that a piece takes per element beside itself.
    on_host : bool
        Computed by NumPy on any device.

    Raises
    ------
    CannotFitError
        If a few tables do not fit in a task.
    """
    itemsize = header.dtype.itemsize
    tables_bytes = 4 * 8 * table_elements + 2 * sum(small.nbytes for small in given)
    is_on_cuda = limits.device == "cuda" and not on_host
    room = min(limits.task_host_bytes, limits.task_device_bytes) if is_on_cuda else limits.task_host_bytes
    allowed = (room - tables_bytes) // (itemsize + scratch_itemsize)
    if allowed < 1:
        raise CannotFitError(
            f"{what} do not fit in one task",
            cause=f"they take {format_bytes(tables_bytes)}; a task may take {format_bytes(room)}",
            next=room_advice(limits, tables_bytes + itemsize + scratch_itemsize, way_out),
        )
    least = max(_LEAST_BLOCK_BYTES["cuda" if is_on_cuda else "cpu"], _READ_PER_PARTIAL * 8 * table_elements)
    target = limits.block_bytes or min(max(header.nbytes // _N_TASKS, least), _MOST_BLOCK_BYTES)
    chunks = memory_chunks(header.shape, header.order, target // itemsize)
    wanted = max(_CUDA_PIECE_ELEMENTS if is_on_cuda else PIECE_ELEMENTS, _PIECE_PER_TABLE * table_elements)
    pieces = memory_chunks(chunks, header.order, min(wanted, target // itemsize, allowed))
    need = math.prod(pieces) * (itemsize + scratch_itemsize) + tables_bytes
    return Draft(
        ReduceStage(
            kernel,
            Grid(header.shape, chunks),
            pieces,
            tuple(range(header.ndim)),
            whole=output.shape,
            given=tuple(small.shape for small in given),
            on_host=on_host,
        ),
        output,
        flops=header.size,
        task_host_bytes=need,
        task_device_bytes=need if is_on_cuda else 0,
        read_bytes=header.nbytes,
        core_s=_COUNT_S * header.size,
    )


def memory_chunks(shape: Shape, order: Order, n_elements: int) -> Shape:
    """Return the chunk shape of blocks of at most `n_elements` that are contiguous in memory.

    >>> memory_chunks((4, 6), "C", 12), memory_chunks((4, 6), "F", 12)
    ((2, 6), (4, 3))
    """
    if order == "C":
        return row_major_chunks(shape, max(n_elements, 1))
    return row_major_chunks(shape[::-1], max(n_elements, 1))[::-1]
