"""Facts of axes: NumPy's meaning, and shapes that collapse without a copy."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from arraymill.jobs.errors import SpecError
from arraymill.jobs.operations.reductions.axes import Axes, Axis, collapse, normalize_axes, reverse_axes

SHAPES = st.lists(st.integers(1, 4), max_size=5).map(tuple)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("none", None), ("", None), ("2", 2), ("-1", -1), ("0,2", (0, 2)), ("(0, -1)", (0, -1)), ("0,", (0,)), (3, 3)],
)
def test_axes_as_a_command_line_gives_them(text: Any, expected: Any) -> None:
    assert TypeAdapter(Axes).validate_python(text) == expected


@pytest.mark.parametrize("text", ["0,1", "x", "1.5"])
def test_one_axis_is_one(text: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Axis).validate_python(text)


@pytest.mark.parametrize("axis", [(0, 0), (1, -1)])
def test_an_axis_named_twice_is_refused_as_by_numpy(axis: tuple[int, int]) -> None:
    with pytest.raises(SpecError, match="duplicate value in 'axis'"):
        normalize_axes(axis, 2)


def test_a_0d_array_has_no_axes() -> None:
    assert normalize_axes(None, 0) == normalize_axes((), 3) == ()
    with pytest.raises(SpecError) as caught:
        normalize_axes(0, 0)
    assert caught.value.cause == "a 0-d array has no axes"


@given(SHAPES, st.sets(st.integers(0, 4)))
def test_a_collapsed_sum_is_the_sum(shape: tuple[int, ...], chosen: set[int]) -> None:
    axes = tuple(sorted(axis for axis in chosen if axis < len(shape)))
    x = np.arange(math.prod(shape)).reshape(shape)
    collapsed, reduced = collapse(shape, axes)
    assert np.array_equal(x.reshape(collapsed).sum(axis=reduced).ravel(), x.sum(axis=axes).ravel())
    # neighbours differ: reduced, kept, reduced, ...
    kinds = [axis in reduced for axis in range(len(collapsed))]
    assert all(one != other for one, other in pairwise(kinds))


@given(SHAPES, st.sets(st.integers(0, 4)))
def test_reversed_axes_are_those_of_the_transpose(shape: tuple[int, ...], chosen: set[int]) -> None:
    axes = tuple(sorted(axis for axis in chosen if axis < len(shape)))
    kept = [n for axis, n in enumerate(shape) if axis not in axes]
    mirrored = reverse_axes(axes, len(shape))
    assert [n for axis, n in enumerate(shape[::-1]) if axis not in mirrored] == kept[::-1]
