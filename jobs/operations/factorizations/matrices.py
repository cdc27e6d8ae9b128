"""What the factorizations ask of an input: one matrix, of a dtype that LAPACK has or NumPy promotes to one."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...dtypes import refuse_dtype
from ...errors import InputUnsupportedError, SpecError
from ...headers import ArrayHeader

__all__ = ["check_matrix", "real_dtype"]


def check_matrix(name: str, header: ArrayHeader) -> np.dtype[Any]:
    """Return the dtype of the factors of a matrix: its own, or float64 of integers and booleans, as NumPy's.

    Parameters
    ----------
    name : str
        Of the operation.
    header : ArrayHeader

    Raises
    ------
    SpecError
        If it is not 2-D.
    InputUnsupportedError
        For float16, which NumPy refuses too, and for what is not worked on at all.

    Examples
    --------
    >>> check_matrix("qr", ArrayHeader("x.npy", (5, 2), np.dtype("i2")))
    dtype('float64')
    """
    refuse_dtype(header.name, header.dtype)
    if header.ndim != 2:
        raise SpecError(
            f"{name}: {header.name} has {header.ndim} axes",
            cause="one matrix is factored, not a vector or a stack of matrices",
            safe="nothing was read or written",
            next=f"name a part of the array: arraymill run {name} 'x.npy[0]', or reshape it",
        )
    if header.dtype.kind == "f" and header.dtype.itemsize == 2:
        raise InputUnsupportedError(
            f"{name}: {header.name} is float16",
            cause="NumPy has no linear algebra for it: array type float16 is unsupported in linalg",
            safe="nothing was read or written",
            next="convert it first: arraymill run map x.npy --expr 'float32(x)' -o x32.npy",
        )
    return header.dtype.newbyteorder("=") if header.dtype.kind in "fc" else np.dtype(np.float64)


def real_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the dtype of magnitudes.

    >>> real_dtype(np.dtype("c8"))
    dtype('float32')
    """
    return np.dtype(f"f{dtype.itemsize // 2}") if dtype.kind == "c" else dtype
