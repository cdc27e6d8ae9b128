"""any, all, count_nonzero. Exact; NaN counts as true, as in NumPy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ...blocks import Shape
from ...headers import ArrayHeader
from ...limits import Limits
from ...stages.kernels import Namespace, Partial
from ...stages.shapes import Draft
from ..operation import Operation, Params
from .axes import Axes
from .reduction import Problem, collapse_piece, draft_reduction

__all__ = ["ALL", "ANY", "COUNT_NONZERO", "LogicKernel", "LogicParams"]


class LogicParams(Params):
    """Parameters of any, all and count_nonzero."""

    axis: Axes = Field(None, description="axis or axes to reduce, as 0, -1 or 0,2; all when left out")
    keepdims: bool = Field(False, description="keep reduced axes with length 1")


@dataclass(frozen=True, slots=True)
class LogicKernel:
    """Partials are one array: booleans, or counts in int64.

    Parameters
    ----------
    name : {"any", "all", "count_nonzero"}
    """

    name: Literal["any", "all", "count_nonzero"]

    @property
    def piece_elements(self) -> int:
        """Elements become booleans, a quarter of the size at most: large pieces."""
        return (2 << 20) // 8

    @property
    def is_exact(self) -> bool:
        """Truth values and counts."""
        return True

    def fold(self, xp: Namespace, piece: Any, axes: tuple[int, ...], origin: Shape) -> tuple[Any, ...]:
        """Return the answer for a piece."""
        x, reduced = collapse_piece(xp, piece, axes)
        if xp is np and self.name == "count_nonzero":
            return (np.reshape(np.asarray(np.count_nonzero(x, axis=reduced) if reduced else x != 0, np.int64), (-1,)),)
        true = x if x.dtype == xp.bool else x != 0
        if self.name == "count_nonzero":
            answer = xp.sum(true, axis=reduced, dtype=xp.int64) if reduced else xp.astype(true, xp.int64)
        else:
            answer = getattr(xp, self.name)(true, axis=reduced) if reduced else true
        return (xp.reshape(answer, (-1,)),)

    def merge(self, left: Partial, right: Partial) -> Partial:
        """Return the answer for two neighbours."""
        join = {"any": np.logical_or, "all": np.logical_and, "count_nonzero": np.add}[self.name]
        return (join(left[0], right[0]),)

    def finish(self, partial: Partial) -> NDArray[Any]:
        """Return the answer."""
        return partial[0]


def _operation(name: Literal["any", "all", "count_nonzero"], summary: str, function: Any) -> Operation:
    def oracle(arrays: Sequence[NDArray[Any]], params: LogicParams) -> NDArray[Any]:
        return np.asarray(function(arrays[0], axis=params.axis, keepdims=params.keepdims))

    def build(headers: Sequence[ArrayHeader], params: LogicParams, limits: Limits) -> Draft:
        def make_kernel(problem: Problem) -> LogicKernel:
            return LogicKernel(name)

        return draft_reduction(
            headers[0],
            params,
            limits,
            name=name,
            axis=params.axis,
            keepdims=params.keepdims,
            oracle=oracle,
            make_kernel=make_kernel,
        )

    example = f"arraymill run {name} mask.npy --axis 0 -o {name}.npy"
    return Operation(name, summary, example, ("x",), LogicParams, build, oracle)


ANY = _operation("any", "Whether any element is true (not zero)", np.any)
ALL = _operation("all", "Whether all elements are true (not zero)", np.all)
COUNT_NONZERO = _operation("count_nonzero", "Number of elements that are not zero", np.count_nonzero)
