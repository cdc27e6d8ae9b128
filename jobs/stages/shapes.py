"""The three shapes that a stage of a job has: map, reduce, contract. Frozen data; nothing is computed here.

==========  =====================================================  =========================================
shape       a task                                                 examples
==========  =====================================================  =========================================
map         regions of the inputs -> one region of the output      elementwise expressions, conversion
reduce      region of the input -> partial, merged by block number sum, var, argmax
contract    one tile of C <- sum over k of A-slab @ B-slab         matmul
==========  =====================================================  =========================================

A stage cuts its work into *blocks*, one task each. Blocks that make the same region of the output are its *parts*: with
one part the worker writes the region itself; with more, the partials return and are merged in the order of their block
numbers, whatever the order of arrival. Within a task the block is streamed in *pieces*, so that memory does not grow
with the block.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from numpy.typing import NDArray

from ..blocks import Grid, Region, Shape, broadcast_region, whole_region
from ..headers import ArrayHeader
from .contract import ContractStage
from .kernels import Layout, MapKernel, ReduceKernel
from .modes import ProductMode
from .moves import Moves

__all__ = ["ConstantStage", "ContractStage", "Draft", "MapStage", "ProductMode", "ReduceStage", "Stage"]


@dataclass(frozen=True, slots=True)
class MapStage:
    """Regions of the inputs to one region of the output.

    Parameters
    ----------
    kernel : MapKernel
    grid : Grid
        The blocks of the output.
    pieces : tuple of int
        Chunk shape in which a block is streamed.
    operands : tuple of tuple of int
        The shape of each input; without a `layout` it broadcasts to the output's.
    temporaries : int
        Bytes of scratch per piece beside the operands and the result.
    reverse : bool
        Every array is taken with its axes reversed, so that Fortran order is worked on as C order.
    layout : Layout or None
        What a region of the output is made of, where that is not the same region of every input.
    on_host : bool
        Computed by NumPy also where others are computed on a GPU.
    is_flat : bool
        Every input is taken as one row of its elements in C order; regions of a `layout` are ranges of that.
    kept : tuple of int
        Axes that pieces have whole: where memory runs out, pieces are halved along others alone.
    is_exact : bool
        The answer has the same bits however the output is cut into pieces.
    """

    kernel: MapKernel
    grid: Grid
    pieces: Shape
    operands: tuple[Shape, ...]
    temporaries: int = 0
    reverse: bool = False
    layout: Layout | None = None
    on_host: bool = False
    is_flat: bool = False
    kept: tuple[int, ...] = ()
    is_exact: bool = True

    n_parts = 1

    def output_region(self, index: int) -> Region:
        """Return the region of the output that block `index` makes."""
        return self.grid.region(index)

    def part(self, index: int) -> int:
        """Return 0: every block makes its own region of the output."""
        return 0

    def operand_regions(self, region: Region) -> tuple[Region, ...]:
        """Return the region of each input that a region of the output needs."""
        if self.layout is not None:
            return self.layout.regions(region)
        return tuple(broadcast_region(region, shape) for shape in self.operands)


@dataclass(frozen=True, slots=True)
class ReduceStage:
    """A region of the input to a partial; partials merged by block number.

    Parameters
    ----------
    kernel : ReduceKernel
    grid : Grid
        The blocks of the input.
    pieces : tuple of int
        Chunk shape in which a block is streamed.
    axes : tuple of int
        The reduced axes, ascending.
    keepdims : bool
        Reduced axes stay in the output with length 1.
    reverse : bool
        The input and the output are taken with their axes reversed.
    whole : tuple of int or None
        The shape of an output to which every block contributes as a whole, as to a Gram matrix; then `axes` are all.
        None where the output is what is left of the input's axes.
    on_host : bool
        Computed by NumPy also where others are computed on a GPU.
    given : tuple of tuple of int
        The shapes of small inputs behind the one that is cut: what an earlier stage found. Each task reads them whole,
        and folds with `GivenKernel.bind` of them.
    """

    kernel: ReduceKernel
    grid: Grid
    pieces: Shape
    axes: tuple[int, ...]
    keepdims: bool = False
    reverse: bool = False
    whole: Shape | None = None
    on_host: bool = False
    given: tuple[Shape, ...] = ()

    @property
    def n_parts(self) -> int:
        """Number of blocks that are merged into one region of the output."""
        return math.prod(self.grid.counts[axis] for axis in self.axes)

    def part(self, index: int) -> int:
        """Return the place of block `index` among those of its output region."""
        position, counts = self.grid.position(index), self.grid.counts
        part = 0
        for axis in self.axes:
            part = part * counts[axis] + position[axis]
        return part

    def output_region(self, index: int) -> Region:
        """Return the region of the output that block `index` contributes to."""
        return self.kept(self.grid.region(index))

    def kept(self, region: Region) -> Region:
        """Return the output's region of a region of the input."""
        if self.whole is not None:
            return whole_region(self.whole)
        if self.keepdims:
            return tuple((0, 1) if axis in self.axes else bounds for axis, bounds in enumerate(region))
        return tuple(bounds for axis, bounds in enumerate(region) if axis not in self.axes)


@dataclass(frozen=True, slots=True)
class ConstantStage:
    """A result that is known from the shapes alone: the sum of an empty array, say.

    Parameters
    ----------
    value : numpy.ndarray
        The whole output.
    """

    value: NDArray[Any]

    grid = Grid((0,), (1,))
    n_parts = 1
    reverse = False
    on_host = True


Stage: TypeAlias = MapStage | ReduceStage | ContractStage | ConstantStage


@dataclass(frozen=True, slots=True)
class Draft:
    """What an operation makes of its inputs' headers: the stage and what comes out of it.

    Parameters
    ----------
    stage : Stage
    output : ArrayHeader
        Shape, dtype and memory order of the result.
    flops : int
        Floating point operations, a multiply and an add counted as two.
    task_host_bytes : int
        Largest memory that one task's arrays take on the host.
    task_device_bytes : int
        The same on the device, 0 on the CPU.
    read_bytes : int
        Bytes that all tasks read from the inputs, repeated reads included.
    notes : tuple of str
        What the user should know: an accuracy, a limit, a choice made.
    moves : Moves
    core_s : float
        Seconds that one core of the host is busy with what no product's rate says anything of: sorting, counting,
        random numbers. It only makes the prediction.
    """

    stage: Stage
    output: ArrayHeader
    flops: int
    task_host_bytes: int
    read_bytes: int
    task_device_bytes: int = 0
    notes: tuple[str, ...] = ()
    moves: Moves = field(default_factory=Moves)
    core_s: float = 0.0
