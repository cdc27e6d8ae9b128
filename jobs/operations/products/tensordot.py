"""tensordot: sums of products over pairs of axes, lowered to the blocked matrix product (`labels`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator, Field, StrictInt

from ...dtypes import refuse_dtype
from ...errors import SpecError
from ...headers import ArrayHeader
from ...limits import Limits
from ..chain import Chain
from ..operation import Operation, Params
from .labels import Labelled, draft_labelled_product

__all__ = ["TENSORDOT", "TensordotParams"]

_Axes = tuple[StrictInt, ...]


def _parse_pair(value: object) -> object:
    """Read ``"2"`` and ``"1,0:0,1"`` as a command line gives them, and a pair of single axes as two lists."""
    if isinstance(value, str):
        parts = [[int(axis) for axis in part.split(",") if axis.strip()] for part in value.split(":")]
        return parts[0][0] if len(parts) == 1 and len(parts[0]) == 1 else parts
    if isinstance(value, list | tuple):
        return tuple((part,) if isinstance(part, int) else part for part in value)
    return value


class TensordotParams(Params):
    """Parameters of tensordot."""

    axes: Annotated[StrictInt | tuple[_Axes, _Axes], BeforeValidator(_parse_pair)] = Field(
        2, description="how many last axes of a and first of b are summed over; or which of each, as 1,0:0,1"
    )


def _chain(headers: Sequence[ArrayHeader], params: TensordotParams, limits: Limits) -> Chain:
    a, b = headers
    for header in headers:
        refuse_dtype(header.name, header.dtype)
    of_a, of_b = _pairs(a, b, params.axes)
    labels_a = [f"a{axis}" for axis in range(a.ndim)]
    labels_b = [f"b{axis}" for axis in range(b.ndim)]
    for axis_a, axis_b in zip(of_a, of_b, strict=True):
        labels_b[axis_b] = labels_a[axis_a]
    shared = set(labels_a) & set(labels_b)
    output = [label for label in (*labels_a, *labels_b) if label not in shared]
    lengths = dict(zip((*labels_a, *labels_b), (*a.shape, *b.shape), strict=True))
    operands = Labelled("a", tuple(labels_a), a), Labelled("b", tuple(labels_b), b)
    return draft_labelled_product(*operands, output, lengths)


def _pairs(a: ArrayHeader, b: ArrayHeader, axes: Any) -> tuple[list[int], list[int]]:
    """Return the axes of a and of b that are summed over together.

    Raises
    ------
    SpecError
        If they are not as many, do not exist, stand twice, or differ in length.
    """
    shapes = f"a has shape {a.shape}, b {b.shape}, axes={axes}"
    pairs = (range(a.ndim - axes, a.ndim), range(axes)) if isinstance(axes, int) else axes
    found = []
    for header, chosen in zip((a, b), pairs, strict=True):
        is_inside = all(-header.ndim <= axis < header.ndim for axis in chosen)
        inside = [axis % header.ndim for axis in chosen] if is_inside else []
        # an int counts axes: NumPy takes negative ones for none
        if not is_inside or (isinstance(axes, int) and not 0 <= axes <= header.ndim):
            raise _refusal("tuple index out of range: an axis does not exist", shapes)
        if len(set(inside)) != len(inside):
            raise _refusal("an axis stands twice", shapes)
        found.append(inside)
    of_a, of_b = found
    if [a.shape[axis] for axis in of_a] != [b.shape[axis] for axis in of_b]:
        raise _refusal("shape-mismatch for sum", shapes)
    return of_a, of_b


def _refusal(what: str, cause: str) -> SpecError:
    return SpecError(
        f"tensordot: {what}",
        cause=cause,
        safe="nothing was read or written",
        next="name pairs of axes of equal length, as --axes 1,0:0,1",
    )


def _oracle(arrays: Sequence[NDArray[Any]], params: TensordotParams) -> NDArray[Any]:
    return np.asarray(np.tensordot(arrays[0], arrays[1], axes=params.axes))


TENSORDOT = Operation(
    "tensordot",
    "Sums of products over pairs of axes, as numpy.tensordot",
    "arraymill run tensordot a.npy b.npy --axes 1 -o c.npy",
    ("a", "b"),
    TensordotParams,
    None,
    _oracle,
    chain=_chain,
)
