"""Lanes: the lines of an array along one axis, kept whole in every piece, and what a stage reads along an axis.

A transform or a scan needs all of a lane at once, so pieces are cut between lanes. Which lanes share a piece is chosen
by memory and speed alone: a lane's answer does not depend on its neighbours.

::

    shape (4, 6), axis 1: a lane is a row       axis 0: a lane is a column
    [ 0 0 0 0 0 0 ]  piece 0                    [ 0 0 0 | 1 1 1 ]
    [ 0 0 0 0 0 0 ]                             [ 0 0 0 | 1 1 1 ]
    [ 1 1 1 1 1 1 ]  piece 1                    [ 0 0 0 | 1 1 1 ]
    [ 1 1 1 1 1 1 ]                             [ 0 0 0 | 1 1 1 ]
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from ...blocks import Region, Shape, row_major_chunks
from ...errors import CannotFitError
from ...limits import Limits, room_advice
from ...sizes import format_bytes

__all__ = ["LaneSize", "WholeAxis", "chunk_lanes"]

_BLOCK_BYTES = {"cpu": 64 << 20, "cuda": 1 << 30}
"""Of all arrays, in one task."""
_PIECE_BYTES = {"cpu": 4 << 20, "cuda": 64 << 20}
"""Of all arrays, in one piece."""
_RUN_ELEMENTS = 16 << 10
"""So many neighbours are read at once where lanes lie across the memory order: shorter runs cost a disk more time to
find than to read."""


@dataclass(frozen=True, slots=True)
class WholeAxis:
    """A region of the output is made of the same region of the input, but for one axis, of which the start is read.

    Parameters
    ----------
    axis : int
    length : int
        How much of the axis is read.

    Examples
    --------
    >>> WholeAxis(1, 6).regions(((2, 4), (0, 9)))
    (((2, 4), (0, 6)),)
    """

    axis: int
    length: int

    def regions(self, region: Region) -> tuple[Region, ...]:
        """Return the region of the input."""
        return ((*region[: self.axis], (0, self.length), *region[self.axis + 1 :]),)


@dataclass(frozen=True, slots=True)
class LaneSize:
    """What one lane takes.

    Parameters
    ----------
    arrays_bytes : int
        Of the input and the result.
    device_bytes : int
        Of them and of scratch, on a GPU.
    scratch_bytes : int
        Beside all lanes of a piece, on the host.
    """

    arrays_bytes: int
    device_bytes: int
    scratch_bytes: int = 0


def chunk_lanes(shape: Shape, axis: int, size: LaneSize, limits: Limits, *, what: str) -> tuple[Shape, Shape]:
    """Return the chunk shapes of blocks and of pieces, both with `axis` whole.

    Parameters
    ----------
    shape : tuple of int
        Of the output, in memory order; no axis is empty.
    axis : int
    size : LaneSize
    limits : Limits
    what : str
        How a lane is called when it does not fit.

    Raises
    ------
    CannotFitError
        If one lane does not fit in a task's memory.

    Examples
    --------
    >>> chunk_lanes((1000, 1 << 16), 1, LaneSize(1 << 20, 0), Limits(), what="a row")
    ((63, 65536), (4, 65536))
    >>> chunk_lanes((1 << 16, 100_000), 0, LaneSize(1 << 20, 0), Limits(), what="a column")[1]
    (65536, 128)
    """
    allowed = _allowed_lanes(size, limits, what)
    across = shape[:axis] + shape[axis + 1 :]
    wanted = max((limits.block_bytes or _BLOCK_BYTES[limits.device]) // size.arrays_bytes, 1)
    in_piece = max(_PIECE_BYTES[limits.device] // size.arrays_bytes, 1)
    if limits.block_bytes is None:
        n_beside = math.prod(shape[axis + 1 :])
        in_piece = max(in_piece, min(n_beside, _RUN_ELEMENTS) if n_beside > 1 else 1)
    in_piece = min(in_piece, allowed)
    block = row_major_chunks(across, max(wanted, in_piece if limits.block_bytes is None else 1))
    piece = row_major_chunks(block, in_piece)
    return _insert(block, axis, shape[axis]), _insert(piece, axis, shape[axis])


def _insert(chunks: Shape, axis: int, length: int) -> Shape:
    return (*chunks[:axis], length, *chunks[axis:])


def _allowed_lanes(size: LaneSize, limits: Limits, what: str) -> int:
    """Return how many lanes a piece may have: one piece may be read while another is worked on."""
    allowed = (limits.task_host_bytes - size.scratch_bytes) // (2 * size.arrays_bytes)
    needed, given = 2 * size.arrays_bytes + size.scratch_bytes, limits.task_host_bytes
    if limits.device == "cuda" and size.device_bytes and limits.task_device_bytes // size.device_bytes < allowed:
        allowed = limits.task_device_bytes // size.device_bytes
        needed, given = size.device_bytes, limits.task_device_bytes
    if allowed > 0:
        return allowed
    raise CannotFitError(
        f"{what} does not fit in memory: it takes {format_bytes(needed)}",
        cause=f"it is needed whole, and a task may take {format_bytes(given)}",
        safe="nothing was read or written",
        next=room_advice(limits, needed),
    )
