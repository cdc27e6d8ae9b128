"""zeros, ones and full: one number everywhere, written block by block."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from ...blocks import Region, region_shape
from ...errors import SpecError
from ...headers import ArrayHeader
from ...limits import Limits
from ...stages.kernels import Namespace
from ...stages.shapes import Draft
from ..operation import Operation, Params, ask_numpy
from ..reductions.summand import DtypeName
from .created import Number, ShapeParam, draft_created

__all__ = ["FULL", "ONES", "ZEROS", "FillKernel", "FullParams", "ZerosParams"]


class ZerosParams(Params):
    """Parameters of zeros and ones."""

    shape: ShapeParam = Field(description="lengths of the axes, as 1000,3")
    dtype: DtypeName = Field("float64", description="dtype of the array")


class FullParams(Params):
    """Parameters of full."""

    shape: ShapeParam = Field(description="lengths of the axes, as 1000,3")
    value: Number = Field(description="what every element is: 3, 0.5, nan, true, 1+2j")
    dtype: DtypeName = Field(None, description="dtype of the array; by default that of the value")

    @model_validator(mode="before")
    @classmethod
    def _keep_dtype(cls, given: Any) -> Any:
        """Say the dtype of a NumPy scalar, which the number that is kept of it has not."""
        is_typed = isinstance(given, dict) and isinstance(given.get("value"), np.generic)
        return given | {"dtype": given["value"].dtype} if is_typed and given.get("dtype") is None else given


@dataclass(frozen=True, slots=True)
class FillKernel:
    """One number everywhere.

    Parameters
    ----------
    value : numpy scalar

    Examples
    --------
    >>> FillKernel(np.float32(2)).apply(np, [], ((0, 2),))
    array([2., 2.], dtype=float32)
    """

    value: Any

    def apply(self, xp: Namespace, blocks: Sequence[Any], region: Region) -> NDArray[Any]:
        """Return a piece."""
        return np.full(region_shape(region), self.value)

    def apply_into(self, blocks: Sequence[NDArray[Any]], out: NDArray[Any], region: Region) -> None:
        """Fill a piece."""
        out.fill(self.value)


def _fill(headers: Sequence[ArrayHeader], params: ZerosParams, limits: Limits, value: int) -> Draft:
    dtype = np.dtype(params.dtype)
    return draft_created(params.shape, dtype, FillKernel(dtype.type(value)), limits)


def _build_full(headers: Sequence[ArrayHeader], params: FullParams, limits: Limits) -> Draft:
    value = complex(params.value) if isinstance(params.value, str) else params.value
    if params.dtype is not None:
        _check_cast(value, np.dtype(params.dtype))
    small = ask_numpy(_full, [], params.model_copy(update={"shape": ()}), what="full")
    return draft_created(params.shape, small.dtype, FillKernel(small[()]), limits)


def _check_cast(value: Any, dtype: np.dtype[Any]) -> None:
    is_lost = isinstance(value, complex) and dtype.kind != "c"
    if is_lost or (dtype.kind in "iu" and not isinstance(value, complex) and not math.isfinite(value)):
        raise SpecError(f"full: {value} is no {dtype}", next="choose another --dtype, or leave it out")


def _full(arrays: Sequence[NDArray[Any]], params: FullParams) -> NDArray[Any]:
    value = complex(params.value) if isinstance(params.value, str) else params.value
    return np.full(params.shape, value, params.dtype)


ZEROS = Operation(
    name="zeros",
    summary="An array of zeros",
    example="arraymill run zeros --shape 1000,1000 --dtype float32 -o zeros.npy",
    inputs=(),
    params=ZerosParams,
    build=lambda headers, params, limits: _fill(headers, params, limits, 0),
    oracle=lambda arrays, params: np.zeros(params.shape, params.dtype),
)
ONES = Operation(
    name="ones",
    summary="An array of ones",
    example="arraymill run ones --shape 1000,1000 -o ones.npy",
    inputs=(),
    params=ZerosParams,
    build=lambda headers, params, limits: _fill(headers, params, limits, 1),
    oracle=lambda arrays, params: np.ones(params.shape, params.dtype),
)
FULL = Operation(
    name="full",
    summary="An array of one number everywhere",
    example="arraymill run full --shape 1000,1000 --value 0.5 -o full.npy",
    inputs=(),
    params=FullParams,
    build=_build_full,
    oracle=_full,
)
