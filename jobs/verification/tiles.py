"""Tiles of a product, recomputed in float64 and compared element by element."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..blocks import Grid, Region
from .findings import Finding, compare, offset_by
from .labelled import Labelled, Ranges
from .problem import Problem

__all__ = ["Bound", "TileCheck"]

Bound = Callable[[NDArray[Any], NDArray[Any], Ranges], NDArray[Any]]
"""How far a part may be off: of its value, of the same of magnitudes, and of where it is."""

_TILE = 64


@dataclass(frozen=True, slots=True)
class TileCheck:
    """A product of which any part can be recomputed.

    Parameters
    ----------
    problem : Problem
    labelled : Labelled
    bound : callable
        See `Bound`.
    finish : callable
        Makes the result of a part of the product.
    name : str
        Of the output.
    """

    problem: Problem
    labelled: Labelled
    bound: Bound
    finish: Any
    name: str

    @property
    def dtype(self) -> np.dtype[Any]:
        """What it is recomputed in."""
        dtype = self.problem.headers[self.name].dtype.newbyteorder("=")
        if dtype.kind in "biu":
            return dtype
        return np.dtype(np.complex128 if dtype.kind == "c" else np.float64)

    @property
    def shape(self) -> tuple[int, ...]:
        """The lengths of the labels of the output."""
        return tuple(self.labelled.lengths[label] for label in self.labelled.output)

    @property
    def most(self) -> int:
        """How many elements one of the arrays in memory may have."""
        return max(self.problem.memory_bytes // 8 // 10, 1)

    def tiles(self) -> list[Region]:
        """Return sampled tiles; all of a small output."""
        shape = self.shape
        chunks = tuple(min(max(n, 1), _TILE if axis >= len(shape) - 2 else 1) for axis, n in enumerate(shape))
        grid = Grid(shape, chunks)
        if grid.n_blocks <= self.problem.n_samples:
            return list(grid.regions())
        middle = self.problem.rng().integers(0, grid.n_blocks, size=4 * self.problem.n_samples).tolist()
        chosen = list(dict.fromkeys([0, grid.n_blocks - 1, *middle]))[: self.problem.n_samples]
        return [grid.region(block) for block in chosen]

    def read(self, region: Region) -> NDArray[Any]:
        """Return a part of the output; of one variable NumPy leaves the axes out."""
        header = self.problem.headers[self.name]
        found = self.problem.read_output(self.name, region if header.shape else ())
        return found.reshape([stop - start for start, stop in region])

    def tile(self, region: Region, method: str) -> Finding:
        """Return what a part of the output is, element by element."""
        ranges = dict(zip(self.labelled.output, region, strict=True))
        with np.errstate(all="ignore"):
            value, size = self.labelled.part(ranges, self.dtype, self.most)
            limit = None if self.dtype.kind in "biu" else self.bound(value, size, ranges)
            if limit is not None:
                # infinities and NaN of the operands decide what is there, whatever the order
                limit = np.where(np.isfinite(size), limit, np.where(np.isfinite(value), np.inf, 0.0))
            expected = self.finish(value)
        return compare(
            self.read(region), expected, limit, method=method, index_of=offset_by(region),
            **self.problem.labels(self.name),
        )  # fmt: skip
