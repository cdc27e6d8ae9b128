"""What is to be verified: an operation, its inputs and its outputs; read by region, within a bound of memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays import MemorySource, Source
from ..blocks import Grid, Region, Shape, region_shape, row_major_chunks, whole_region
from ..errors import SpecError
from ..headers import ArrayHeader
from ..limits import Budget, Precision
from ..operations import Operation, Params
from ..plans.chain_plan import ChainPlan
from ..plans.chains import plan_operation
from ..plans.planning import check_params
from ..sizes import format_bytes

__all__ = ["MEMORY_BYTES", "Problem", "choose_regions", "make_problem", "output_names", "read_region", "widen"]

MEMORY_BYTES = 256 << 20
"""What a check may take for arrays, however large those are that it looks at."""
RUN = 4096
"""Elements of one sample."""
_ROOMY = Budget(1 << 50)


@dataclass(frozen=True, slots=True)
class Problem:
    """An operation on inputs, and the outputs that are said to be its.

    Parameters
    ----------
    operation : Operation
    params : Params
    sources : tuple of Source
        All of them can be read by region.
    outputs : mapping of str to Source
        By the operation's names for them, those that are there; a single one is called "" or by its name.
    headers : mapping of str to ArrayHeader
        Of all outputs, as the plan has them.
    precision : Precision
        In which the outputs were computed.
    n_samples : int
        How many samples are taken of each output.
    seed : int
        Decides which.
    memory_bytes : int
    """

    operation: Operation
    params: Any
    sources: tuple[Source, ...]
    outputs: Mapping[str, Source]
    headers: Mapping[str, ArrayHeader]
    precision: Precision = "standard"
    n_samples: int = 8
    seed: int = 0
    memory_bytes: int = MEMORY_BYTES

    def rng(self) -> np.random.Generator:
        """Return a new generator, which gives the same numbers each time."""
        return np.random.default_rng(self.seed)

    def read_output(self, name: str, region: Region) -> NDArray[Any]:
        """Return a region of an output in the dtype that the operation gives: text formats know fewer."""
        found = read_region(self.outputs[name], region)
        return found.astype(self.headers[name].dtype.newbyteorder("="), copy=False)

    def labels(self, name: str) -> dict[str, Any]:
        """Return how findings call an output, and how many elements it has."""
        return {"output": self.outputs[name].header.name, "n_elements": self.headers[name].size}

    def too_large(self, what: str, n_bytes: int) -> SpecError:
        """Return the refusal of a check that would take more memory than it may."""
        return SpecError(
            f"{self.operation.name}: {what} cannot be checked at this size",
            cause=f"{format_bytes(n_bytes)} would be needed; a check takes {format_bytes(self.memory_bytes)} at most",
            safe="nothing was changed",
            next="check it on a part that fits; elementwise operations, reductions, products, cumsum, fft, qr, svd and "
            "copies along lines that fit are checked at any size",
        )


def make_problem(
    operation: Operation,
    sources: Sequence[Source],
    params: Mapping[str, Any] | Params,
    outputs: Mapping[str, Source] | Sequence[Source],
    **settings: Any,
) -> Problem:
    """Return a problem after a check that the outputs may be its outputs at all.

    Parameters
    ----------
    operation : Operation
    sources : sequence of Source
        One that can only be read from front to back is read into memory, if it fits.
    params : mapping or Params
    outputs : mapping of str to Source, or sequence of Source
        Without names, in the operation's order: its first ones.
    **settings
        `precision`, `n_samples`, `seed` and `memory_bytes` of the problem.

    Raises
    ------
    SpecError
        If an output has another shape or kind of numbers than the operation gives, or parameters are wrong.
    InputError
    """
    checked = check_params(operation, params)
    headers = _headers(operation, sources, checked)
    named = outputs if isinstance(outputs, Mapping) else dict(zip(headers, outputs, strict=False))
    for name, source in named.items():
        _check_header(operation.name, source.header, headers[name])
    problem = Problem(operation, checked, tuple(sources), named, headers, **settings)
    read = tuple(_in_memory(problem, source) for source in sources)
    kept = {name: _in_memory(problem, source, headers[name].shape) for name, source in named.items()}
    return Problem(operation, checked, read, kept, headers, **settings)


def output_names(
    operation: Operation, sources: Sequence[Source], params: Mapping[str, Any] | Params
) -> tuple[str, ...]:
    """Return what an operation calls its outputs, the main one first; a single one may be "".

    Raises
    ------
    SpecError
        If it does not take these inputs and parameters.
    """
    return tuple(_headers(operation, sources, check_params(operation, params)))


def _headers(operation: Operation, sources: Sequence[Source], params: Params) -> dict[str, ArrayHeader]:
    plan = plan_operation(operation, [source.header for source in sources], params, budget=_ROOMY)
    if not isinstance(plan, ChainPlan):
        return {"": plan.output}
    return {name: plan.header_of(name) for name, _ in plan.outputs}


def _check_header(operation: str, found: ArrayHeader, wanted: ArrayHeader) -> None:
    dtype = wanted.dtype.newbyteorder("=")
    # tables have two axes, and files of numbers at least one
    is_alike = found.size == wanted.size and [n for n in found.shape if n != 1] == [n for n in wanted.shape if n != 1]
    if is_alike and np.can_cast(dtype, found.dtype, "safe"):
        return
    raise SpecError(
        f"{found.name}: is not what {operation} gives for these inputs",
        cause=f"it is {found.dtype.name} {found.shape}, and the result is {dtype.name} {wanted.shape}",
        safe="nothing was changed",
        next="name the output that was made of these inputs, and give the parameters that it was made with",
    )


def _in_memory(problem: Problem, source: Source, shape: Shape | None = None) -> Source:
    """Return a source that can be read by region, of a shape."""
    if not getattr(source, "is_streamed", False) and shape in (None, source.header.shape):
        return source
    if source.header.nbytes > problem.memory_bytes // 4:
        what = f"{source.header.name}, which can only be read from front to back,"
        raise problem.too_large(what, 4 * source.header.nbytes)
    array = read_region(source, whole_region(source.header.shape))
    return MemorySource(source.header.name, array if shape is None else array.reshape(shape))


def read_region(source: Source, region: Region) -> NDArray[Any]:
    """Return a region of an array, in the native byte order."""
    header = source.header
    out = np.empty(region_shape(region), header.dtype.newbyteorder("="), order=header.order)
    if out.size:
        with source.open() as reader:
            reader.read(region, out)
    return out


def widen(x: NDArray[Any]) -> NDArray[Any]:
    """Return an array in float64, or in complex128 if it is complex."""
    return x.astype(np.complex128 if x.dtype.kind == "c" else np.float64, copy=False)


def choose_regions(shape: Shape, n: int, rng: np.random.Generator, *, run: int = RUN) -> list[Region]:
    """Return `n` regions of about `run` elements that follow one another in C order: the first, the last, and others.

    All of a small array are returned.

    >>> choose_regions((3, 4), 8, np.random.default_rng(0), run=4)
    [((0, 1), (0, 4)), ((1, 2), (0, 4)), ((2, 3), (0, 4))]
    """
    grid = Grid(shape, row_major_chunks(shape, max(run, 1)))
    if grid.n_blocks <= n:
        return list(grid.regions())
    middle = rng.integers(1, grid.n_blocks - 1, size=4 * n).tolist()
    chosen = list(dict.fromkeys([0, grid.n_blocks - 1, *middle]))[:n]
    return [grid.region(block) for block in sorted(chosen)]
