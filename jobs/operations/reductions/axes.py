"""NumPy's `axis` argument: normalised, and arrays collapsed to the few axes that a reduction sees."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Iterable
from itertools import groupby
from typing import Annotated, Any, SupportsIndex

from pydantic import BeforeValidator, StrictInt

from ...blocks import Shape
from ...errors import SpecError

__all__ = ["Axes", "Axis", "OneAxis", "collapse", "normalize_axes", "reverse_axes"]


def _parse_axes(value: object) -> object:
    """Read ``"0,1"`` and ``"none"`` as a command line gives them; everything else as it is."""
    if isinstance(value, str):
        text = value.strip().strip("()[]").strip()
        if text.lower() in {"none", ""}:
            return None
        parts = [_parse_axis(part) for part in text.split(",") if part.strip()]
        return parts[0] if len(parts) == 1 and "," not in text else tuple(parts)
    if isinstance(value, list | tuple):
        return tuple(_parse_axis(part) for part in value)
    return _parse_axis(value)


def _parse_axis(value: object) -> object:
    """Return an axis as an int where it is one, as NumPy takes it: not 1.0, not True."""
    if isinstance(value, str):
        return int(value) if re.fullmatch(r"[+-]?\d+", value.strip()) else value
    return value if isinstance(value, bool) or not isinstance(value, SupportsIndex) else operator.index(value)


Axis = Annotated[StrictInt | None, BeforeValidator(_parse_axes)]
"""One axis or all: ``None``, ``0``, ``-1``."""
OneAxis = Annotated[StrictInt, BeforeValidator(_parse_axes)]
"""One axis: ``0``, ``-1``."""
Axes = Annotated[StrictInt | tuple[StrictInt, ...] | None, BeforeValidator(_parse_axes)]
"""Some axes or all: ``None``, ``0``, ``-1``, ``(0, 2)``; on the command line ``0,2``."""


def normalize_axes(axis: int | Iterable[int] | None, ndim: int) -> tuple[int, ...]:
    """Return the axes as ascending non-negative integers.

    Raises
    ------
    SpecError
        For an axis out of bounds or named twice, in NumPy's words.

    Examples
    --------
    >>> normalize_axes(-1, 3), normalize_axes(None, 2), normalize_axes((1, -3), 3)
    ((2,), (0, 1), (0, 1))
    """
    if axis is None:
        return tuple(range(ndim))
    named = (axis,) if isinstance(axis, int) else tuple(axis)
    for a in named:
        if not -ndim <= a < ndim:
            raise SpecError(
                f"axis {a} is out of bounds for array of dimension {ndim}",
                cause=f"axes of this array are {-ndim} to {ndim - 1}" if ndim else "a 0-d array has no axes",
                next="name one of these with --axis, or leave it out to reduce over all",
            )
    axes = tuple(sorted(a % ndim for a in named))
    if len(set(axes)) != len(axes):
        raise SpecError("duplicate value in 'axis'", cause=f"axis={axis}", next="name each axis once")
    return axes


def reverse_axes(axes: tuple[int, ...], ndim: int) -> tuple[int, ...]:
    """Return the axes of the transposed array.

    >>> reverse_axes((0,), 3)
    (2,)
    """
    return tuple(sorted(ndim - 1 - a for a in axes))


def collapse(shape: Shape, axes: tuple[int, ...]) -> tuple[Shape, tuple[int, ...]]:
    """Return the shape with neighbours of one kind (reduced or kept) merged, and its reduced axes.

    Axes of length 1 vanish. A C-contiguous array of `shape` reshapes to the collapsed shape without a copy.

    >>> collapse((2, 3, 4, 5), (0, 1))
    ((6, 20), (0,))
    >>> collapse((2, 1, 4), (1,))
    ((8,), ())
    """
    long_axes = [axis for axis in range(len(shape)) if shape[axis] != 1]
    groups: list[tuple[bool, int]] = [
        (reduced, math.prod(shape[axis] for axis in members))
        for reduced, members in _by_kind(long_axes, frozenset(axes))
    ]
    return tuple(n for _, n in groups), tuple(i for i, (reduced, _) in enumerate(groups) if reduced)


def _by_kind(axes: list[int], reduced: frozenset[int]) -> Iterable[tuple[bool, Any]]:
    return ((kind, tuple(members)) for kind, members in groupby(axes, key=reduced.__contains__))
