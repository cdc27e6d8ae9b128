"""From an array's header to the stages of a running sum or product: runs, pieces, memory."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ...blocks import Grid, Shape, ceil_div, row_major_chunks
from ...errors import CannotFitError
from ...headers import ArrayHeader
from ...limits import Limits, room_advice
from ...sizes import format_bytes
from ...stages.shapes import Draft, MapStage
from .lanes import LaneSize, chunk_lanes
from .run_layouts import PrefixLayout, TotalLayout
from .running import BATCH, CarryKernel, Running, ScanKernel, TotalKernel

__all__ = [
    "Scan",
    "draft_carries",
    "draft_prefixes",
    "draft_totals",
    "is_short",
    "run_length",
]

_BLOCK_BYTES = 64 << 20
_MOST_BLOCK_BYTES = 1 << 30
_N_BLOCKS = 4096
_PIECE_BYTES = 4 << 20
_MOST_PIECE_BYTES = 64 << 20
"""Of one run of lines that lie side by side: they are cut into stripes of this size, which are read in long runs."""
_SCAN_S = 8e-9
"""Of one core for an element, as measured: for the prediction alone."""
_LEAST_RUN, _MOST_RUN = 64, 1 << 15
_MOST_RUNS = 1 << 21
"""Of one line: their carries are worked out together."""
_SIDE_BY_SIDE = 4096
"""So many neighbours are a piece worth reading, where lines lie across the memory order."""


@dataclass(frozen=True, slots=True)
class Scan:
    """One running sum or product, as its stages need to know it.

    Parameters
    ----------
    running : Running
    output : ArrayHeader
    shape : tuple of int
        Of the input and the output, in memory order; one axis where the input is taken flat.
    is_flat : bool
        The input is taken as one row of its elements in C order.
    """

    running: Running
    output: ArrayHeader
    shape: Shape
    is_flat: bool

    @property
    def reverse(self) -> bool:
        """Memory order is the reverse of the user's order."""
        return self.output.order == "F"

    @property
    def length(self) -> int:
        """Elements along the axis."""
        return self.shape[self.running.axis]

    @property
    def beside(self) -> Shape:
        """The axes behind the one that is scanned."""
        return self.shape[self.running.axis + 1 :]

    @property
    def scratch_bytes(self) -> int:
        """What a kernel takes beside its arrays: a batch, a copy, and what is scaled."""
        n_elements = min(max(BATCH, self.running.run), math.prod(self.shape))
        return n_elements * self.running.compute.itemsize * (10 if self.running.is_scaled else 6)

    def with_length(self, length: int) -> Shape:
        """Return the shape with another length of the axis."""
        axis = self.running.axis
        return (*self.shape[:axis], length, *self.shape[axis + 1 :])


def run_length(shape: Shape, axis: int, *, most: int = 1 << 48) -> int:
    """Return the length of runs: about as many elements as a cache holds, of all lines that lie side by side.

    Parameters
    ----------
    shape : tuple of int
        In memory order.
    axis : int
    most : int
        Runs of very long lines are not longer.

    Examples
    --------
    >>> run_length((1 << 30,), 0), run_length((10**6, 512), 0), run_length((10**6, 10**6), 0), run_length((1 << 40,), 0)
    (32768, 128, 64, 524288)
    """
    n_beside = max(math.prod(shape[axis + 1 :]), 1)
    run = min(max(BATCH // n_beside, _LEAST_RUN), _MOST_RUN)
    run = 1 << (run.bit_length() - 1)
    while ceil_div(shape[axis], run) > _MOST_RUNS and run < most:
        run *= 2
    return run


def is_short(scan: Scan, header: ArrayHeader, limits: Limits) -> bool:
    """Return whether whole lines fit in a task: so many of them, where they lie side by side, as are read well."""
    each = scan.length * (header.dtype.itemsize + scan.output.dtype.itemsize)
    block_bytes = limits.block_bytes or _BLOCK_BYTES
    fits = 2 * each + scan.scratch_bytes <= limits.task_host_bytes
    is_small = each * min(math.prod(scan.beside), _SIDE_BY_SIDE) <= block_bytes
    return scan.length <= scan.running.run or (fits and is_small)


def draft_prefixes(scan: Scan, headers: Sequence[ArrayHeader], limits: Limits) -> Draft:
    """Return the draft of the prefixes of an array, or of an array and its carries."""
    running, has_carries = scan.running, len(headers) == 2
    itemsize = headers[0].dtype.itemsize + scan.output.dtype.itemsize
    if has_carries:
        n_runs, in_block, beside = _cut(scan, itemsize, limits)
        pieces = _chunk(scan, n_runs * running.run, beside)
        blocks = _chunk(scan, in_block * running.run, beside)
    else:
        size = LaneSize(scan.length * itemsize, 0, scan.scratch_bytes)
        blocks, pieces = chunk_lanes(scan.shape, running.axis, size, limits, what="a line")
    layout = PrefixLayout(running.axis, running.run, has_carries)
    kernel = ScanKernel(running, scan.output.dtype)
    operands = tuple(_seen(scan, header) for header in headers)
    grid = Grid(scan.shape, blocks)
    stage = MapStage(
        kernel,
        grid,
        pieces,
        operands,
        scan.scratch_bytes,
        scan.reverse,
        layout,
        on_host=True,
        is_flat=scan.is_flat,
        # without carries, a piece would have to read all that is before it again
        kept=() if has_carries else (running.axis,),
    )
    piece_bytes = math.prod(pieces) * itemsize
    return Draft(
        stage,
        scan.output,
        flops=2 * scan.output.size,
        task_host_bytes=piece_bytes + scan.scratch_bytes,
        read_bytes=sum(header.nbytes for header in headers),
        core_s=_SCAN_S * scan.output.size,
    )


def draft_totals(scan: Scan, header: ArrayHeader, limits: Limits) -> Draft:
    """Return the draft of what all runs of an array come to, but the last, after which nothing comes."""
    running = scan.running
    itemsize = header.dtype.itemsize + scan.output.dtype.itemsize
    n_runs, in_block, beside = _cut(scan, itemsize, limits)
    shape = scan.with_length(ceil_div(scan.length, running.run) - 1)
    stage = MapStage(
        TotalKernel(running),
        Grid(shape, _chunk(scan, in_block, beside)),
        _chunk(scan, n_runs, beside),
        (_seen(scan, header),),
        scan.scratch_bytes,
        scan.reverse,
        TotalLayout(running.axis, running.run),
        on_host=True,
        is_flat=scan.is_flat,
    )
    piece_bytes = math.prod(stage.pieces) * (running.run * header.dtype.itemsize + running.total_dtype.itemsize)
    return Draft(
        stage,
        _output(scan, shape),
        flops=scan.output.size,
        task_host_bytes=piece_bytes + scan.scratch_bytes,
        read_bytes=header.nbytes,
    )


def draft_carries(running: Running, totals: ArrayHeader, limits: Limits) -> Draft:
    """Return the draft of what runs and all before them come to; `running.axis` is in memory order."""
    reverse = totals.order == "F"
    shape = totals.T.shape if reverse else totals.shape
    # what is read, the result, and as much again on the way; of scaled numbers twice that
    each = (8 if running.is_scaled else 4) * totals.dtype.itemsize
    size = LaneSize(shape[running.axis] * each, 0)
    blocks, pieces = chunk_lanes(shape, running.axis, size, limits, what="a line of carries")
    layout = PrefixLayout(running.axis, 1, has_carries=False)
    kernel, grid, kept = CarryKernel(running), Grid(shape, blocks), (running.axis,)
    return Draft(
        MapStage(kernel, grid, pieces, (shape,), 0, reverse, layout, on_host=True, kept=kept),
        ArrayHeader("output", totals.shape, totals.dtype, totals.order),
        flops=totals.size,
        task_host_bytes=math.prod(pieces) * each,
        read_bytes=totals.nbytes,
    )


def _seen(scan: Scan, header: ArrayHeader) -> Shape:
    return header.T.shape if scan.reverse else header.shape


def _output(scan: Scan, shape: Shape) -> ArrayHeader:
    return ArrayHeader("output", shape[::-1] if scan.reverse else shape, scan.running.total_dtype, scan.output.order)


def _chunk(scan: Scan, length: int, beside: Shape) -> Shape:
    return (*(1 for _ in range(scan.running.axis)), length, *beside)


def _cut(scan: Scan, itemsize: int, limits: Limits) -> tuple[int, int, Shape]:
    """Return the runs of a piece, those of a block, and the chunk of the axes behind: all of them, if they fit."""
    run_bytes = scan.running.run * itemsize
    allowed = (limits.task_host_bytes - scan.scratch_bytes) // (2 * run_bytes)
    if allowed < 1:
        need = 2 * run_bytes + scan.scratch_bytes
        raise CannotFitError(
            f"{scan.running.run} elements of a line do not fit in memory",
            cause=f"they take {format_bytes(need)}, and a task may take {format_bytes(limits.task_host_bytes)}",
            safe="nothing was read or written",
            next=room_advice(limits, need),
        )
    n_beside = math.prod(scan.beside)
    lines = min(n_beside, allowed, max(_MOST_PIECE_BYTES // run_bytes, 1))
    beside = row_major_chunks(scan.beside, lines)
    in_piece = max(min(_PIECE_BYTES // (n_beside * run_bytes), allowed // n_beside), 1) if lines == n_beside else 1
    wanted = min(max(math.prod(scan.shape) * itemsize // _N_BLOCKS, _BLOCK_BYTES), _MOST_BLOCK_BYTES)
    block_bytes = limits.block_bytes or wanted
    in_block = max(block_bytes // (math.prod(beside) * run_bytes), 1)
    return min(in_piece, in_block), in_block, beside
