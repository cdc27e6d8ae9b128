"""What `cdist` and `knn` take: two matrices of real numbers with as many columns, and the dtype of what comes out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...dtypes import refuse_dtype
from ...errors import InputUnsupportedError, SpecError
from ...headers import ArrayHeader

__all__ = ["check_rows", "distance_dtype"]


def check_rows(headers: Sequence[ArrayHeader], *, what: str) -> None:
    """Raise unless arrays are matrices of as many columns, of numbers that distances are made of.

    Raises
    ------
    SpecError, InputUnsupportedError
    """
    for header in headers:
        refuse_dtype(header.name, header.dtype)
        if header.dtype.kind == "c":
            raise InputUnsupportedError(
                f"{what}: {header.name} is complex", cause="distances are of real numbers", next="take real and imag"
            )
    shapes = ", ".join(f"{header.name} {header.shape}" for header in headers)
    if any(header.ndim != 2 for header in headers) or headers[0].shape[1] != headers[1].shape[1]:
        raise SpecError(
            f"{what}: two matrices of as many columns are needed", cause=shapes, next="lay points out as rows"
        )


def distance_dtype(*dtypes: np.dtype[Any]) -> np.dtype[Any]:
    """Return the dtype of distances: float32 where both inputs are float32 or float16, else SciPy's float64.

    >>> distance_dtype(np.dtype("f4"), np.dtype("f2")), distance_dtype(np.dtype("f4"), np.dtype("i4"))
    (dtype('float32'), dtype('float64'))
    """
    narrow = all(dtype.kind == "f" and dtype.itemsize <= 4 for dtype in dtypes)
    return np.dtype(np.float32 if narrow else np.float64)
