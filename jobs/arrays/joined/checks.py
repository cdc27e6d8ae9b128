"""Whether arrays can be joined: their shapes, their dtypes, how they are read. What does not fit is named."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

import numpy as np

from ...blocks import Shape
from ...errors import InputUnsupportedError, SpecError
from ...headers import ArrayHeader
from ..source import Source

__all__ = ["How", "check_shapes", "check_streams", "common_dtype"]

How: TypeAlias = Literal["concatenate", "stack"]


def check_shapes(headers: Sequence[ArrayHeader], how: How, axis: int) -> None:
    """Check that the shapes agree, but for the length along the axis of a concatenation.

    Raises
    ------
    SpecError
        Which names the odd one.
    """

    def rest(shape: Shape) -> Shape:
        return shape if how == "stack" else (*shape[:axis], -1, *shape[axis + 1 :])

    rests = [rest(header.shape) for header in headers]
    usual, odd = _odd_one(rests)
    if odd is not None:
        raise SpecError(
            f"{headers[odd].name}: its shape {headers[odd].shape} does not fit the others",
            cause=f"{how} along axis {axis}; {headers[usual].name} has {headers[usual].shape}",
            next="leave that file out, or select the same part of each",
        )


def check_streams(sources: Sequence[Source], axis: int) -> None:
    """Check that sources which are read from front to back follow one another so.

    Raises
    ------
    InputUnsupportedError
    """
    for source in sources:
        header = source.header
        if getattr(source, "is_streamed", False) and (axis or header.order == "F"):
            raise InputUnsupportedError(
                f"{header.name}: can only be read from front to back, and is not joined along axis {axis}",
                cause=f"it is compressed as a whole, or text; memory order {header.order}",
                next=f"convert it first: arraymill run convert {header.name} -o converted.npy",
            )


def common_dtype(headers: Sequence[ArrayHeader]) -> np.dtype[Any]:
    """Return the one dtype; the native one where only byte orders differ.

    Raises
    ------
    InputUnsupportedError
        Which names the odd one.
    """
    usual, odd = _odd_one([header.dtype.newbyteorder("=") for header in headers])
    if odd is not None:
        raise InputUnsupportedError(
            f"{headers[odd].name}: its dtype {headers[odd].dtype} is not that of the others",
            cause=f"{headers[usual].name} has {headers[usual].dtype}; a join does not convert",
            next=f"convert it first: arraymill run convert {headers[odd].name} --dtype {headers[usual].dtype.name} "
            "-o converted.npy",
        )
    first = headers[0].dtype
    return first if all(header.dtype == first for header in headers) else first.newbyteorder("=")


def _odd_one(values: Sequence[Any]) -> tuple[int, int | None]:
    """Return the first place of the most frequent value, and the first place of another one; None if all are equal."""
    ((most, _),) = Counter(values).most_common(1)
    return values.index(most), next((place for place, value in enumerate(values) if value != most), None)
