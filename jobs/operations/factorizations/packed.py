"""Small problems solved whole, on one worker, by LAPACK; what they return together is packed into one flat array.

``solve`` steps write the packed array, and `PART` steps take the results out of it: a step of a chain has one result,
and a singular value decomposition three.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...blocks import Grid, Region, Shape, as_slices, whole_region
from ...errors import CannotFitError, InputError
from ...headers import ArrayHeader
from ...limits import Limits, room_advice
from ...sizes import format_bytes
from ...stages.kernels import Namespace
from ...stages.shapes import ConstantStage, Draft, MapStage
from ..chain import Step
from ..operation import Operation, Params
from .row_blocks import FEW_VECTORS, large_bytes

__all__ = ["PART", "PartParams", "SolveKernel", "WholeInputs", "draft_solution", "part_steps"]

Solver = Callable[[Sequence[NDArray[Any]]], Sequence[NDArray[Any]]]


@dataclass(frozen=True, slots=True)
class WholeInputs:
    """The layout of a stage that reads every input whole.

    Parameters
    ----------
    shapes : tuple of tuple of int
    """

    shapes: tuple[Shape, ...]

    def regions(self, region: Region) -> tuple[Region, ...]:
        """Return all of every input."""
        return tuple(whole_region(shape) for shape in self.shapes)


@dataclass(frozen=True, slots=True)
class SolveKernel:
    """Calls a solver and packs what it returns.

    Parameters
    ----------
    solver : callable
        Of the whole inputs; importable, or a partial of what is.
    what : str
        How the problem is called where LAPACK gives up.
    """

    solver: Solver
    what: str

    def apply(self, xp: Namespace, blocks: Sequence[Any], region: Region) -> Any:
        """Return a region of the packed results of NumPy inputs."""
        try:
            results = self.solver([np.asarray(block) for block in blocks])
        except np.linalg.LinAlgError as error:
            raise InputError(
                f"{self.what}: {error}",
                cause="the input holds NaN or infinite numbers; NumPy raises LinAlgError here",
                safe="nothing was published",
                next="look for them with: arraymill run map x.npy --expr 'isfinite(x)' -o finite.npy",
            ) from error
        return np.concatenate([np.ravel(result) for result in results])[as_slices(region)]

    def apply_into(self, blocks: Sequence[NDArray[Any]], out: NDArray[Any], region: Region) -> None:
        """Write a region of the packed results."""
        out[...] = self.apply(np, blocks, region)


def draft_solution(
    headers: Sequence[ArrayHeader],
    limits: Limits,
    *,
    kernel: SolveKernel,
    shapes: Sequence[Shape],
    dtype: np.dtype[Any],
    flops: int,
    copies: int = 3,
    way_out: str = FEW_VECTORS,
) -> Draft:
    """Return the draft of a problem that is solved whole.

    Parameters
    ----------
    headers : sequence of ArrayHeader
    limits : Limits
    kernel : SolveKernel
    shapes : sequence of tuple of int
        Of the results, in order.
    dtype : numpy.dtype
        Of the packed array.
    flops : int
    copies : int
        So many times the inputs, as they are cast, and the results are in memory at once: LAPACK has its own.
    way_out : str
        What to do where they do not fit.

    Raises
    ------
    CannotFitError
        If they do not fit in one task.
    """
    size = sum(math.prod(shape) for shape in shapes)
    read = sum(header.nbytes for header in headers)
    need = read + copies * dtype.itemsize * (sum(header.size for header in headers) + size)
    _check_fits(need, limits, kernel.what, way_out)
    stage = MapStage(
        kernel,
        Grid((size,), (size,)),
        (size,),
        tuple(header.shape for header in headers),
        layout=WholeInputs(tuple(header.shape for header in headers)),
        on_host=True,
    )
    return Draft(stage, ArrayHeader("output", (size,), dtype), flops=flops, task_host_bytes=need, read_bytes=read)


def _check_fits(need: int, limits: Limits, what: str, way_out: str) -> None:
    room = large_bytes(limits)
    if need > room:
        raise CannotFitError(
            f"{what} does not fit in memory",
            cause=f"it is solved whole and takes {format_bytes(need)}; a task may take {format_bytes(room)}",
            safe="nothing was read or written",
            next=room_advice(limits, need, way_out),
        )


class PartParams(Params):
    """Where a result lies in a packed array."""

    start: int
    shape: tuple[int, ...]
    dtype: str


@dataclass(frozen=True, slots=True)
class _Part:
    """Layout and kernel of `PART`: elements from `start` on, in C order of `shape`."""

    start: int
    shape: Shape

    def regions(self, region: Region) -> tuple[Region, ...]:
        return (((self.start, self.start + math.prod(self.shape)),),)

    def apply(self, xp: Namespace, blocks: Sequence[Any], region: Region) -> Any:
        place: tuple[Any, ...] = (*as_slices(region), ...)
        return np.asarray(blocks[0]).reshape(self.shape)[place]

    def apply_into(self, blocks: Sequence[NDArray[Any]], out: NDArray[Any], region: Region) -> None:
        part = self.apply(np, blocks, region)
        # real results lie beside complex ones
        np.copyto(out, part.real if out.dtype.kind != "c" else part, casting="unsafe")


def _build(headers: Sequence[ArrayHeader], params: PartParams, limits: Limits) -> Draft:
    dtype, shape = np.dtype(params.dtype), params.shape
    output = ArrayHeader("output", shape, dtype)
    if output.size == 0:
        return Draft(ConstantStage(np.empty(shape, dtype)), output, flops=0, task_host_bytes=0, read_bytes=0)
    part = _Part(params.start, shape)
    read = output.size * headers[0].dtype.itemsize
    stage = MapStage(part, Grid(shape, shape), shape, (headers[0].shape,), layout=part, on_host=True)
    return Draft(stage, output, flops=0, task_host_bytes=read + output.nbytes, read_bytes=read)


def _oracle(arrays: Sequence[NDArray[Any]], params: PartParams) -> NDArray[Any]:
    values = arrays[0][params.start : params.start + math.prod(params.shape)].reshape(params.shape)
    return np.asarray((values if np.dtype(params.dtype).kind == "c" else values.real).astype(params.dtype))


PART = Operation(
    "part",
    "One of several results that were computed together",
    "arraymill plan svd x.npy",
    ("packed",),
    PartParams,
    _build,
    _oracle,
)


def part_steps(source: str, parts: Sequence[tuple[str, Shape, np.dtype[Any]]]) -> tuple[Step, ...]:
    """Return the steps that take results out of the packed array of step `source`, which hold it without gaps.

    Parameters
    ----------
    source : str
    parts : sequence of (name, shape, dtype)

    Examples
    --------
    >>> f8 = np.dtype("f8")
    >>> [step.params["start"] for step in part_steps("solved", [("u", (3, 2), f8), ("s", (2,), f8)])]
    [0, 6]
    """
    steps, start = [], 0
    for name, shape, dtype in parts:
        steps.append(Step(name, PART, (source,), {"start": start, "shape": shape, "dtype": dtype.name}))
        start += math.prod(shape)
    return tuple(steps)
