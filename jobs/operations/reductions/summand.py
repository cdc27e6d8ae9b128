"""The dtype that elements are cast to before they are added, and the `dtype` parameter of reductions."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from pydantic import AfterValidator, BeforeValidator

from ...limits import Limits

__all__ = ["DtypeName", "FloatName", "summand_dtype"]


def _name_dtype(value: object) -> object:
    """Return the name of ``numpy.float32`` or a dtype, as Python callers give them; everything else as it is."""
    is_dtype = isinstance(value, np.dtype) or (isinstance(value, type) and issubclass(value, np.generic | int | float))
    try:
        return np.dtype(value).str if is_dtype else value  # type: ignore[call-overload]
    except TypeError:
        # np.floating and the like are families of dtypes
        return str(value)


def _check_dtype_name(value: str | None) -> str | None:
    if value is None:
        return None
    try:
        dtype = np.dtype(value)
    except TypeError as error:
        raise ValueError(f"{value!r} is not a NumPy dtype; try float64, float32 or int64") from error
    if dtype.kind not in "biufc" or dtype.itemsize > 8 * (1 + (dtype.kind == "c")):
        raise ValueError(f"dtype {dtype} is not computed with; use bool, an integer, float or complex up to 64 bits")
    return dtype.name


def _check_has_fractions(value: str | None) -> str | None:
    if value is not None and np.dtype(value).kind in "biu":
        raise ValueError(f"dtype {value} has no fractions: it would cut the mean, and then the answer; take a float")
    return value


DtypeName = Annotated[str | None, BeforeValidator(_name_dtype), AfterValidator(_check_dtype_name)]
"""A dtype that can be computed with, by its name, or None."""
FloatName = Annotated[DtypeName, AfterValidator(_check_has_fractions)]
"""The same, of floats and complex numbers alone."""


def summand_dtype(dtype: np.dtype[Any], result: np.dtype[Any], limits: Limits, *, forced: bool) -> np.dtype[Any]:
    """Return the dtype that elements of `dtype` are added in within a block, for a result of dtype `result`.

    Integers add in 64 bits. Floats add in their own dtype (float16 in float32), unless float64 arithmetic is asked for:
    by ``precision: strict``, or by ``dtype=`` naming a wider one. Integers and booleans that give a float (the mean)
    add in float64.

    >>> summand_dtype(np.dtype("f2"), np.dtype("f2"), Limits(), forced=False)
    dtype('float32')
    >>> summand_dtype(np.dtype("u1"), np.dtype("u8"), Limits(), forced=False)
    dtype('uint64')
    >>> summand_dtype(np.dtype("f4"), np.dtype("f4"), Limits(precision="strict"), forced=False)
    dtype('float64')
    """
    if result.kind in "biu":
        # torch has no arithmetic for uint64; sums modulo 2^64 are the same bits
        return np.dtype(np.uint64 if result.kind == "u" and limits.device == "cpu" else np.int64)
    is_complex = result.kind == "c"
    wide = np.dtype(np.complex128 if is_complex else np.float64)
    if limits.precision == "strict" or dtype.kind in "biu" or (forced and result.itemsize > dtype.itemsize):
        return wide
    narrow = np.dtype(np.complex64 if is_complex else np.float32)
    return narrow if result.itemsize <= narrow.itemsize else wide
