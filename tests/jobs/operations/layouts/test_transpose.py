"""Tests of jobs/operations/layouts/transpose.py."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from moved_arrays import arrays, check_kernel, check_moved, draft_of, shapes

from arraymill.jobs.errors import InputUnsupportedError, SpecError
from arraymill.jobs.headers import ArrayHeader
from arraymill.jobs.limits import Limits
from arraymill.jobs.operations.layouts.transpose import tile_shape


def header(shape, code="f4", order="C"):
    return ArrayHeader("x.npy", shape, np.dtype(code), order)


@given(st.data(), shapes, st.sampled_from((None, 1, 3, 40)))
def test_it_is_numpys(data, shape, n_blocks):
    axes = data.draw(st.none() | st.permutations(range(len(shape))).map(tuple))
    if axes is not None:
        axes = tuple(axis - len(shape) * data.draw(st.booleans()) for axis in axes)
    check_moved("transpose", [data.draw(arrays(shape))], {"axes": axes}, n_blocks)


@pytest.mark.parametrize("axes", [(0,), (0, 0), (0, 2), (0, 1, 2)])
def test_axes_that_numpy_refuses_are_refused(axes):
    with pytest.raises(SpecError, match="transpose: "):
        draft_of("transpose", [header((2, 3))], axes=axes)


def test_a_result_is_in_c_order():
    for order in "CF":
        assert draft_of("transpose", [header((2, 3), order=order)]).output.order == "C"


def test_what_is_not_worked_on_is_refused():
    with pytest.raises(InputUnsupportedError):
        draft_of("transpose", [header((3,), "O")])


@pytest.mark.parametrize("order", ["C", "F"])
def test_tiles_of_a_large_matrix_have_long_runs_both_ways(order):
    made = draft_of("transpose", [header((1 << 20, 1 << 19), order=order)])
    rows, columns = made.stage.pieces
    if order == "F":
        # the same bytes in the same order
        assert (rows, columns) == (4, 1 << 20)
    else:
        assert (rows, columns) == (2048, 2048)
    assert made.task_host_bytes == 2 * 4 * rows * columns
    smaller = draft_of("transpose", [header((1 << 20, 1 << 19), order=order)], Limits(task_host_bytes=1 << 20))
    assert smaller.task_host_bytes <= 1 << 20
    assert smaller.stage.grid == made.stage.grid


@given(st.lists(st.integers(1, 3000), min_size=1, max_size=4), st.integers(1, 10**7), st.data())
def test_tiles_are_no_larger_than_allowed_and_not_much_smaller(shape, largest, data):
    n = len(shape)
    read_order = data.draw(st.permutations(range(n)))
    tile = tile_shape(tuple(shape), largest, read_order=read_order, write_order=range(n)[::-1])
    assert all(1 <= t <= s for t, s in zip(tile, shape, strict=True))
    assert math.prod(tile) <= largest
    assert math.prod(tile) >= min(largest, math.prod(shape)) / 2 ** (n + 1)


def test_the_kernel_is_the_same_on_torch():
    check_kernel("transpose", [np.arange(60.0).reshape(3, 4, 5)], {"axes": (2, 0, 1)})
    check_kernel("transpose", [np.arange(60).reshape(3, 4, 5)], {})
