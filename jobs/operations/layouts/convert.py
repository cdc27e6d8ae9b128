"""`convert`: the same array in another dtype or another format, which the output's name says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ...dtypes import is_supported, refuse_dtype
from ...errors import SpecError
from ...headers import ArrayHeader
from ...limits import Limits
from ...stages.shapes import Draft
from ..elementwise.expression import suggest
from ..elementwise.functions import CASTS
from ..operation import Operation, Params
from .copying import CopyKernel, cast_into, draft_copy

__all__ = ["CONVERT", "ConvertParams", "converted_dtype"]

Casting = Literal["no", "equiv", "safe", "same_kind", "unsafe"]


class ConvertParams(Params):
    """Parameters of `convert`."""

    dtype: str | None = Field(None, description='dtype of the result, as "float32" or ">i2"; by default the input\'s')
    casting: Casting = Field("same_kind", description="which conversions are allowed, as numpy.can_cast says")


def converted_dtype(header: ArrayHeader, dtype: str | None, casting: Casting = "same_kind") -> np.dtype[Any]:
    """Return the dtype that an array is converted to; its own, in native byte order, if none is named.

    Parameters
    ----------
    header : ArrayHeader
    dtype : str or None
    casting : str
        `numpy.can_cast`'s.

    Raises
    ------
    SpecError
        If there is no such dtype, or the conversion is not one that `casting` allows.
    InputUnsupportedError
        If the array's own dtype is not worked on.

    Examples
    --------
    >>> header = ArrayHeader("x.npy", (3,), np.dtype(">f8"))
    >>> converted_dtype(header, None), converted_dtype(header, ">f4")
    (dtype('float64'), dtype('>f4'))
    """
    refuse_dtype(header.name, header.dtype)
    native = header.dtype.newbyteorder("=")
    if dtype is None:
        return native
    wanted = _parse_dtype(dtype)
    if not np.can_cast(header.dtype, wanted, casting):
        raise SpecError(
            f"{header.name}: {header.dtype} is not converted to {dtype}",
            cause=f"numpy.can_cast({native.name!r}, {dtype!r}, casting={casting!r}) is False: values could be lost",
            next="add --casting unsafe to convert as astype does",
        )
    return wanted


def _parse_dtype(text: str) -> np.dtype[Any]:
    try:
        dtype = np.dtype(text)
    except (TypeError, ValueError, SyntaxError):
        dtype = None
    if dtype is None or not is_supported(dtype):
        raise SpecError(f"there is no dtype {text} to convert to", cause="params.dtype", next=suggest(text, CASTS))
    return dtype


def _build(headers: Sequence[ArrayHeader], params: ConvertParams, limits: Limits) -> Draft:
    (header,) = headers
    dtype = converted_dtype(header, params.dtype, params.casting)
    output = ArrayHeader("output", header.shape, dtype, header.order)
    return draft_copy(headers, output, limits, kernel=CopyKernel(dtype))


def _oracle(arrays: Sequence[NDArray[Any]], params: ConvertParams) -> NDArray[Any]:
    x = np.asarray(arrays[0])
    out = np.empty(x.shape, params.dtype or x.dtype.newbyteorder("="))
    with np.errstate(all="ignore"):
        cast_into(out, x)
    return out


CONVERT = Operation(
    name="convert",
    summary="The same array in another dtype or file format",
    example="arraymill run convert x.npy --dtype float32 -o x.zarr",
    inputs=("x",),
    params=ConvertParams,
    build=_build,
    oracle=_oracle,
)
