"""What operations that make an array share: how shapes and numbers are given, and the pieces that are made."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterator
from itertools import product
from typing import Annotated, Any, SupportsIndex

import numpy as np
from pydantic import AfterValidator, BeforeValidator, NonNegativeInt, StrictBool, StrictFloat, StrictInt

from ...blocks import Grid, Region, Shape, row_major_chunks
from ...errors import CannotFitError
from ...headers import ArrayHeader
from ...limits import Limits
from ...stages.kernels import MapKernel
from ...stages.shapes import ConstantStage, Draft, MapStage

__all__ = ["Number", "Real", "ShapeParam", "draft_created", "flat_runs"]

_BLOCK_BYTES = 64 << 20
_PIECE_BYTES = 4 << 20


def _parse_shape(value: object) -> object:
    """Read ``"1000,3"`` as a command line gives it, and a number as one axis."""
    if isinstance(value, str):
        return [part.strip() for part in value.strip().strip("()[]").split(",") if part.strip()]
    if isinstance(value, list | tuple):
        return [operator.index(n) if isinstance(n, SupportsIndex) else n for n in value]
    return (operator.index(value),) if isinstance(value, SupportsIndex) else value


def _parse_number(value: object) -> object:
    """Read a number as a command line gives it; complex numbers stay text, which files can hold."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, complex):
        return str(value)
    if not isinstance(value, str):
        return value
    text = value.strip()
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    for kind in (int, float, complex):
        try:
            return str(kind(text)) if kind is complex else kind(text)
        except ValueError:
            continue
    raise ValueError(f"{value!r} is not a number")


def _check_size(value: float) -> float:
    if isinstance(value, int) and abs(value) >= 1 << 64:
        raise ValueError("integers have up to 64 bits")
    return value


ShapeParam = Annotated[tuple[NonNegativeInt, ...], BeforeValidator(_parse_shape)]
"""The shape of an array: ``(1000, 3)``, ``1000``; on the command line ``1000,3``."""
Real = Annotated[StrictInt | StrictFloat, BeforeValidator(_parse_number), AfterValidator(_check_size)]
"""An integer or a fraction."""
Number = Annotated[StrictBool | StrictInt | StrictFloat | str, BeforeValidator(_parse_number)]
"""A number of any kind; complex ones as text."""


def draft_created(shape: Shape, dtype: np.dtype[Any], kernel: MapKernel, limits: Limits, *, flops: int = 0) -> Draft:
    """Return the draft of an array that is made by a kernel on the host, in pieces that lie together in memory."""
    output = ArrayHeader("output", shape, dtype)
    if output.size == 0:
        return Draft(ConstantStage(np.empty(shape, dtype)), output, flops=0, task_host_bytes=0, read_bytes=0)
    allowed = limits.task_host_bytes // (4 * dtype.itemsize)
    if allowed == 0:
        raise CannotFitError("one element does not fit in memory", next="raise --memory")
    in_block = max((limits.block_bytes or _BLOCK_BYTES) // dtype.itemsize, 1)
    chunks = row_major_chunks(shape, in_block)
    pieces = row_major_chunks(chunks, min(_PIECE_BYTES // dtype.itemsize, allowed))
    piece_bytes = math.prod(pieces) * dtype.itemsize
    return Draft(
        MapStage(kernel, Grid(shape, chunks), pieces, (), piece_bytes, on_host=True),
        output,
        flops=flops,
        task_host_bytes=2 * piece_bytes,
        read_bytes=0,
    )


def flat_runs(shape: Shape, region: Region) -> Iterator[tuple[int, int]]:
    """Yield (first, length) of the runs of neighbours, in C order, that make up a region.

    >>> list(flat_runs((4, 5), ((1, 3), (0, 5)))), list(flat_runs((4, 5), ((1, 3), (2, 4))))
    ([(5, 10)], [(7, 2), (12, 2)])
    """
    whole = len(shape)
    while whole and region[whole - 1] == (0, shape[whole - 1]):
        whole -= 1
    inner = math.prod(shape[whole:])
    if whole == 0:
        yield 0, inner
        return
    *outer, (start, stop) = region[:whole]
    for position in product(*(range(*bounds) for bounds in outer)):
        row = 0
        for place, n in zip(position, shape, strict=False):
            row = row * n + place
        yield (row * shape[whole - 1] + start) * inner, (stop - start) * inner
