"""`LARGEST` and `HEAD`: the element of largest magnitude of each row, to fix signs by; the first rows and columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...blocks import Region, Shape
from ...headers import ArrayHeader
from ...limits import Limits
from ...stages.kernels import Namespace, Partial
from ...stages.shapes import Draft
from ..layouts.copying import CopyKernel, draft_copy
from ..operation import Operation, Params
from ..reductions.reduction import Problem, collapse_piece, draft_reduction

__all__ = ["HEAD", "LARGEST", "HeadParams", "LargestKernel"]


@dataclass(frozen=True, slots=True)
class LargestKernel:
    """Partials are ``(values,)``, the first of several of the same magnitude."""

    result: np.dtype[Any]

    @property
    def piece_elements(self) -> int:
        """4 MiB."""
        return (4 << 20) // self.result.itemsize

    @property
    def is_exact(self) -> bool:
        """An element is taken as it is."""
        return True

    def fold(self, xp: Namespace, piece: Any, axes: tuple[int, ...], origin: Shape) -> tuple[Any, ...]:
        """Return the largest element of each row of a piece."""
        x, reduced = collapse_piece(xp, piece, axes)
        if not reduced:
            return (xp.reshape(x, (-1,)),)
        place = xp.argmax(xp.abs(x), axis=reduced[0], keepdims=True)
        return (xp.reshape(xp.take_along_axis(x, place, axis=reduced[0]), (-1,)),)

    def merge(self, left: Partial, right: Partial) -> Partial:
        """Return the larger of two neighbours."""
        return (np.where(np.abs(right[0]) > np.abs(left[0]), right[0], left[0]),)

    def finish(self, partial: Partial) -> NDArray[Any]:
        """Return the elements."""
        return partial[0].astype(self.result)


def _build_largest(headers: Sequence[ArrayHeader], params: Params, limits: Limits) -> Draft:
    def make_kernel(problem: Problem) -> LargestKernel:
        return LargestKernel(problem.result)

    return draft_reduction(
        headers[0],
        params,
        limits,
        name="largest",
        axis=1,
        keepdims=True,
        oracle=_largest,
        make_kernel=make_kernel,
    )


def _largest(arrays: Sequence[NDArray[Any]], params: Params) -> NDArray[Any]:
    x = arrays[0]
    return np.asarray(np.take_along_axis(x, np.argmax(np.abs(x), axis=1, keepdims=True), axis=1))


LARGEST = Operation(
    "largest", "The element of largest magnitude of each row", "", ("x",), Params, _build_largest, _largest
)


class HeadParams(Params):
    """Parameters of `HEAD`: the shape of what is taken."""

    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Same:
    """The layout of a result that lies in its input where it lies itself."""

    def regions(self, region: Region) -> tuple[Region, ...]:
        return (region,)


def _build_head(headers: Sequence[ArrayHeader], params: HeadParams, limits: Limits) -> Draft:
    dtype = headers[0].dtype.newbyteorder("=")
    output = ArrayHeader("output", params.shape, dtype)
    return draft_copy(headers, output, limits, kernel=CopyKernel(dtype), layout=_Same())


def _head(arrays: Sequence[NDArray[Any]], params: HeadParams) -> NDArray[Any]:
    return np.asarray(arrays[0][tuple(slice(n) for n in params.shape)])


HEAD = Operation("head", "The first rows and columns", "", ("x",), HeadParams, _build_head, _head)
