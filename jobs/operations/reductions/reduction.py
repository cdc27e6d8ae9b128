"""From an array's header and a kernel to a reduce stage: which blocks, which pieces, how much memory.

The grid is a function of shape, dtype and axes alone: neither the memory limit nor the number of workers moves a block,
so they do not move a bit of the answer.

::

    axis=-1: whole rows in a block,         axis=0, few columns:            axis=0, very many columns:
    written where they were computed        partials, merged in order       column stripes, no partials
    [ 0 0 0 0 ] -> y0                       [ 0 0 0 0 ]                     [ 0 | 1 | 2 | 3 ]
    [ 1 1 1 1 ] -> y1                       [ 1 1 1 1 ]  -> y = p0 + p1     [ 0 | 1 | 2 | 3 ] -> y0 y1 y2 y3
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...blocks import Grid, Shape, ceil_div, row_major_chunks
from ...errors import SpecError
from ...headers import ArrayHeader
from ...limits import DeviceKind, Limits
from ...stages.kernels import Namespace, ReduceKernel
from ...stages.shapes import ConstantStage, Draft, ReduceStage
from ...stored_chunks import reduced_chunks
from ..operation import Params, ask_numpy
from .axes import collapse, normalize_axes, reverse_axes
from .block_sums import RUN

__all__ = ["SCRATCH_ITEMSIZE", "Oracle", "Problem", "block_chunks", "collapse_piece", "draft_reduction"]

SCRATCH_ITEMSIZE = 16
"""What a kernel may hold of an element beside the piece as it was read: cast to float64, and one temporary of it."""

Oracle = Callable[[Sequence[NDArray[Any]], Any], NDArray[Any]]

_LEAST_BLOCK_BYTES = {"cpu": 64 << 20, "cuda": 2 << 30}
_MOST_BLOCK_BYTES = 4 << 30
"""A task's share of the input, at least and at most: about 256 tasks in between. A task of a GPU is a pipeline, whose
first piece is read and whose last is folded alone: beside 2 GiB, 40 ms over the link at its nominal rate, that is
little."""
_N_TASKS = 256
_PIECES_PER_BLOCK = 4
"""At least so many pieces in a block whose size the user chose."""
_PARTIAL_ELEMENTS = 32 << 10
"""The largest partial that returns from a task; wider results are cut into stripes instead."""
_ROW_MULTIPLE = 128
_CUDA_PIECE_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class Problem:
    """One reduction, as its kernel needs to know it.

    Parameters
    ----------
    dtype : numpy.dtype
        Of the input, in native byte order.
    result : numpy.dtype
        Of the output.
    shape : tuple of int
        Of the input, in memory order.
    axes : tuple of int
        Reduced axes, in memory order.
    count : int
        Elements reduced into one.
    reverse : bool
        Memory order is the reverse of the user's order.
    limits : Limits
    """

    dtype: np.dtype[Any]
    result: np.dtype[Any]
    shape: Shape
    axes: tuple[int, ...]
    count: int
    reverse: bool
    limits: Limits


def draft_reduction(
    header: ArrayHeader,
    params: Params,
    limits: Limits,
    *,
    name: str,
    axis: int | tuple[int, ...] | None,
    keepdims: bool,
    oracle: Oracle,
    make_kernel: Callable[[Problem], ReduceKernel],
    flops_per_element: int = 1,
    scratch_itemsize: int = SCRATCH_ITEMSIZE,
    notes: tuple[str, ...] = (),
) -> Draft:
    """Return the draft of a reduction of one array.

    `scratch_itemsize` is what a kernel may hold of an element beside the piece as it was read.

    Raises
    ------
    SpecError
        For axes that do not exist, and for what NumPy refuses (the maximum of an empty array, say).
    """
    # where NumPy takes axis 0 or -1 of a single number, so is it taken here: NumPy is asked below
    axes = () if header.ndim == 0 and axis in (0, -1) else normalize_axes(axis, header.ndim)
    dtype = header.dtype.newbyteorder("=")
    _refuse_to_drop_imaginary_parts(name, dtype, getattr(params, "dtype", None))
    stand_in = np.empty if header.size == 0 else np.ones
    shape = header.shape if header.size == 0 else (1,) * header.ndim
    answer = ask_numpy(oracle, [stand_in(shape, dtype)], params, what=name)
    output = ArrayHeader("output", _output_shape(header.shape, axes, keepdims), answer.dtype, header.order)
    if header.size == 0:
        return Draft(ConstantStage(answer), output, flops=0, task_host_bytes=0, read_bytes=0, notes=notes)
    stage = _stage(header, dtype, axes, keepdims, answer.dtype, limits, make_kernel)
    piece_elements = math.prod(stage.pieces)
    # as large as a partial of complex128
    partial_bytes = 16 * math.prod(n for axis, n in enumerate(stage.pieces) if axis not in stage.axes)
    return Draft(
        stage,
        output,
        flops=flops_per_element * header.size,
        task_host_bytes=piece_elements * (dtype.itemsize + scratch_itemsize) + partial_bytes,
        task_device_bytes=piece_elements * (dtype.itemsize + 24) if limits.device == "cuda" else 0,
        read_bytes=header.nbytes,
        notes=notes,
    )


def collapse_piece(xp: Namespace, piece: Any, axes: tuple[int, ...]) -> tuple[Any, tuple[int, ...]]:
    """Return a piece with alternating reduced and kept axes, and which are reduced; at least 1-D."""
    shape, reduced = collapse(tuple(piece.shape), axes)
    return xp.reshape(piece, shape or (1,)), reduced


def _refuse_to_drop_imaginary_parts(name: str, dtype: np.dtype[Any], wanted: str | None) -> None:
    if wanted is not None and dtype.kind == "c" and np.dtype(wanted).kind != "c":
        raise SpecError(
            f"{name}: dtype={wanted} would drop the imaginary parts of {dtype}",
            cause="NumPy warns of it; a job does not lose numbers",
            next="take the real parts first: arraymill run map x.npy --expr 'real(x)' -o real.npy",
        )


def _output_shape(shape: Shape, axes: tuple[int, ...], keepdims: bool) -> Shape:
    if keepdims:
        return tuple(1 if axis in axes else n for axis, n in enumerate(shape))
    return tuple(n for axis, n in enumerate(shape) if axis not in axes)


def _stage(
    header: ArrayHeader,
    dtype: np.dtype[Any],
    axes: tuple[int, ...],
    keepdims: bool,
    result: np.dtype[Any],
    limits: Limits,
    make_kernel: Callable[[Problem], ReduceKernel],
) -> ReduceStage:
    reverse = header.order == "F"
    shape = header.shape[::-1] if reverse else header.shape
    axes = reverse_axes(axes, header.ndim) if reverse else axes
    count = math.prod(shape[a] for a in axes)
    kernel = make_kernel(Problem(dtype, result, shape, axes, count, reverse, limits))
    target_bytes = limits.block_bytes or _target_bytes(header.nbytes, limits.device)
    # sums of everything are made of runs that start at element 0 wherever blocks can be cut between runs
    steps = {"run": RUN} if len(axes) == len(shape) else {"multiple": _ROW_MULTIPLE}
    target = max(target_bytes // dtype.itemsize, 1)
    stored = header.T if reverse else header
    aligned = reduced_chunks(stored, axes, target, most_kept=_PARTIAL_ELEMENTS)
    chunks = aligned or block_chunks(shape, axes, target, **steps)
    wanted = _CUDA_PIECE_BYTES // dtype.itemsize if limits.device == "cuda" else kernel.piece_elements
    largest = max(min(wanted, ceil_div(target_bytes, _PIECES_PER_BLOCK) // dtype.itemsize), 1)
    pieces = row_major_chunks(chunks, largest, **steps)
    if not all(chunks[a] == shape[a] for a in axes):
        # a piece that ends inside of a chunk ends where others of its row do
        longest = tuple(map(min, chunks, stored.chunks)) if aligned else chunks
        within = tuple(longest[a] if a in axes else n for a, n in enumerate(chunks))
        pieces = _with_kept_whole(within, pieces, axes, largest)
    return ReduceStage(kernel, Grid(shape, chunks), pieces, axes, keepdims, reverse)


def _target_bytes(n_bytes: int, device: DeviceKind) -> int:
    return min(max(n_bytes // _N_TASKS, _LEAST_BLOCK_BYTES[device]), _MOST_BLOCK_BYTES)


def block_chunks(shape: Shape, axes: tuple[int, ...], target: int, *, multiple: int = 1, run: int = 1) -> Shape:
    """Return the chunk shape of tasks of `target` elements: contiguous in memory where partials stay small.

    >>> block_chunks((2_000_000, 512), (0,), 1 << 24, multiple=128)
    (32384, 512)
    >>> block_chunks((2, 100_000_000), (0,), 1 << 24)
    (2, 8333334)
    """
    chunks = row_major_chunks(shape, target, multiple=multiple, run=run)
    kept = [a for a in range(len(shape)) if a not in axes]
    if _is_complete(shape, chunks, axes) or math.prod(chunks[a] for a in kept) <= _PARTIAL_ELEMENTS:
        return chunks
    striped = _grow((1,) * len(shape), shape, kept, _PARTIAL_ELEMENTS)
    striped = _grow(striped, shape, axes, target)
    return _grow(striped, shape, kept, target) if _is_complete(shape, striped, axes) else striped


def _is_complete(shape: Shape, chunks: Shape, axes: tuple[int, ...]) -> bool:
    return all(chunks[a] == shape[a] for a in axes)


def _grow(chunks: Shape, shape: Shape, axes: Sequence[int], largest: int) -> Shape:
    """Return chunks lengthened along `axes`, the last first, to at most `largest` elements."""
    grown = list(chunks)
    for axis in reversed(axes):
        others = math.prod(grown) // grown[axis]
        room = max(largest // others, 1)
        if room < shape[axis]:
            grown[axis] = ceil_div(shape[axis], ceil_div(shape[axis], room))
            break
        grown[axis] = shape[axis]
    return tuple(grown)


def _with_kept_whole(block: Shape, pieces: Shape, axes: tuple[int, ...], largest: int) -> Shape:
    """Return pieces that span the kept axes of a block, so that a task returns one partial."""
    whole = tuple(1 if a in axes else n for a, n in enumerate(block))
    return _grow(whole, block, axes, largest) if any(pieces[a] != whole[a] for a in _kept(block, axes)) else pieces


def _kept(shape: Shape, axes: tuple[int, ...]) -> list[int]:
    return [a for a in range(len(shape)) if a not in axes]
