"""`rechunk`: the same array stored in other chunks, in a format that has chunks.

The elements are copied as by `convert`; the chunks are a matter of the output's file, and asked of it when the job is
opened (`output.chunks` of a job file says the same for any operation).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ...blocks import Shape
from ...errors import SpecError
from ...headers import ArrayHeader
from ...limits import Limits
from ...stages.shapes import Draft
from ..operation import Operation, Params
from .convert import converted_dtype
from .copying import CopyKernel, draft_copy

__all__ = ["RECHUNK", "RechunkParams"]


class RechunkParams(Params):
    """Parameters of `rechunk`."""

    chunks: tuple[int, ...] = Field(description="shape of the chunks, one length for each axis; -1 is the whole axis")

    def fitted(self, header: ArrayHeader) -> Shape:
        """Return the shape of the chunks of an array, none longer than the array is.

        Raises
        ------
        SpecError
            If there are not as many lengths as axes, or one is neither -1 nor at least 1.
        """
        if len(self.chunks) != header.ndim or any(n < 1 and n != -1 for n in self.chunks):
            raise SpecError(
                f"{header.name}: cannot be stored in chunks of {self.chunks}",
                cause=f"its shape is {header.shape}",
                next=f"give {header.ndim} lengths from 1, or -1 for a whole axis",
            )
        return tuple(max(n if c == -1 else min(c, n), 1) for c, n in zip(self.chunks, header.shape, strict=True))


def _build(headers: Sequence[ArrayHeader], params: RechunkParams, limits: Limits) -> Draft:
    (header,) = headers
    params.fitted(header)
    dtype = converted_dtype(header, None)
    output = ArrayHeader("output", header.shape, dtype, header.order)
    return draft_copy(headers, output, limits, kernel=CopyKernel(dtype))


def _oracle(arrays: Sequence[NDArray[Any]], params: RechunkParams) -> NDArray[Any]:
    x = np.asarray(arrays[0])
    return x.astype(x.dtype.newbyteorder("="))


RECHUNK = Operation(
    name="rechunk",
    summary="The same array in other chunks, in a .zarr or .h5",
    example="arraymill run rechunk x.zarr --chunks 1000,-1 -o y.zarr",
    inputs=("x",),
    params=RechunkParams,
    build=_build,
    oracle=_oracle,
)
