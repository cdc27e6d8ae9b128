"""arange: numbers at equal distances; each is computed from its index, so that errors do not add up."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ...blocks import Region, region_shape
from ...errors import SpecError
from ...headers import ArrayHeader
from ...limits import Limits
from ...stages.kernels import Namespace
from ...stages.shapes import Draft
from ..operation import Operation, Params
from ..reductions.summand import DtypeName
from .created import Real, draft_created

__all__ = ["ARANGE", "ArangeKernel", "ArangeParams"]

_CHUNK = 1 << 14
"""Elements that are worked on while they are in a core's cache."""


class ArangeParams(Params):
    """Parameters of arange."""

    stop: Real = Field(description="end of the range, which is not in it")
    start: Real = Field(0, description="first element")
    step: Real = Field(1, description="distance of neighbours")
    dtype: DtypeName = Field(None, description="dtype of the array; by default int64, or float64 of fractions")


@dataclass(frozen=True, slots=True)
class ArangeKernel:
    """``start + i * step`` of the index i: exact for integers, else a product and a sum in float64.

    Examples
    --------
    >>> ArangeKernel(5, 2, np.dtype("i8")).apply(np, [], ((3, 6),))
    array([11, 13, 15])
    """

    start: int | float
    step: int | float
    dtype: np.dtype[Any]

    def apply(self, xp: Namespace, blocks: Sequence[Any], region: Region) -> NDArray[Any]:
        """Return a piece."""
        out = np.empty(region_shape(region), self.dtype)
        self.apply_into(blocks, out, region)
        return out

    def apply_into(self, blocks: Sequence[NDArray[Any]], out: NDArray[Any], region: Region) -> None:
        """Write a piece into `out`."""
        ((origin, stop),) = region
        is_integer = self.dtype.kind in "iu"
        for first in range(origin, stop, _CHUNK):
            length = min(_CHUNK, stop - first)
            part = out[first - origin : first - origin + length]
            if is_integer:
                # all results are in range, so that arithmetic modulo 2^64 has their bits
                numbers = np.arange(length, dtype=np.uint64) * np.uint64(int(self.step) % 2**64)
                numbers += np.uint64((int(self.start) + first * int(self.step)) % 2**64)
                np.copyto(part, numbers, casting="unsafe")
            else:
                steps = np.arange(first, first + length, dtype=np.float64)
                steps *= self.step
                steps += self.start
                np.copyto(part, steps, casting="unsafe")


def _build_arange(headers: Sequence[ArrayHeader], params: ArangeParams, limits: Limits) -> Draft:
    start, stop, step = params.start, params.stop, params.step
    if step == 0 or not all(math.isfinite(number) for number in (start, stop, step)):
        raise SpecError(
            f"arange: from {start} to {stop} in steps of {step} is not a range",
            next="give finite numbers, and a --step that is not 0",
        )
    is_integer = isinstance(start, int) and isinstance(stop, int) and isinstance(step, int)
    length = _length(start, stop, step)
    dtype = np.dtype(params.dtype or ("int64" if is_integer else "float64"))
    _check_range(start, start + (length - 1) * step, dtype, is_integer=is_integer, is_empty=length == 0)
    return draft_created((length,), dtype, ArangeKernel(start, step, dtype), limits, flops=2 * length)


def _length(start: int | float, stop: int | float, step: int | float) -> int:
    if isinstance(start, int) and isinstance(stop, int) and isinstance(step, int):
        return max(-((start - stop) // step), 0)
    length = (stop - start) / step
    if length >= 2**63:
        raise SpecError(f"arange: {length:.3g} elements are more than an array can have", next="give a larger --step")
    return max(math.ceil(length), 0)


def _check_range(start: float, last: float, dtype: np.dtype[Any], *, is_integer: bool, is_empty: bool) -> None:
    if dtype.kind == "b" or (dtype.kind in "iu" and not is_integer):
        raise SpecError(f"arange: {dtype} does not hold steps of this range", next="leave --dtype out")
    if dtype.kind in "iu" and not is_empty:
        limits = np.iinfo(dtype)
        if not (limits.min <= min(start, last) and max(start, last) <= limits.max):
            raise SpecError(
                f"arange: {dtype} does not hold {start} to {last}",
                cause=f"it holds {limits.min} to {limits.max}",
                next="choose a wider --dtype",
            )


def _arange(arrays: Sequence[NDArray[Any]], params: ArangeParams) -> NDArray[Any]:
    ends: tuple[Any, ...] = (params.start, params.stop, params.step)
    return np.asarray(np.arange(*ends, dtype=params.dtype))


ARANGE = Operation(
    name="arange",
    summary="Numbers at equal distances, from start up to stop",
    example="arraymill run arange --stop 1000000 --step 2 -o even.npy",
    inputs=(),
    params=ArangeParams,
    build=_build_arange,
    oracle=_arange,
)
