"""Tests of jobs/operations/layouts/turning.py."""

from __future__ import annotations

import numpy as np
import pytest
from array_layouts import numbered
from hypothesis import given
from hypothesis import strategies as st

from arraymill.jobs.operations.layouts.turning import turn_into


@given(st.lists(st.sampled_from((0, 1, 2, 3, 17, 40, 130)), max_size=4), st.data())
def test_all_elements_find_their_place(shape, data):
    axes = data.draw(st.permutations(range(len(shape))))
    dtype = np.dtype(data.draw(st.sampled_from(("u1", "<f2", ">f4", "f8", "c16"))))
    if np.prod(shape, dtype=int) > 10**5:
        shape = shape[:2] + [1] * (len(shape) - 2)
    source = numbered(tuple(shape), dtype).transpose(axes)
    if data.draw(st.booleans()):
        source = source[(*(slice(None, None, -1),) * source.ndim, ...)]
    out = np.empty(source.shape, dtype.newbyteorder("="))
    turn_into(source, out)
    assert out.tobytes() == source.astype(out.dtype).tobytes()


@pytest.mark.parametrize("code", ["u1", "f4", "f8", "c16"])
@pytest.mark.parametrize("n", [2, 3, 4])
def test_short_rows_are_moved_as_one(code, n):
    source = numbered((40, 300, n), np.dtype(code)).transpose(1, 0, 2)
    out = np.empty(source.shape, code)
    turn_into(source, out)
    assert out.tobytes() == source.tobytes()


@pytest.mark.parametrize("shape", [(3000, 40), (40, 3000), (2, 1100, 33), (33, 2, 1100)])
def test_panels_at_the_ends_are_short(shape):
    source = numbered(shape[::-1], np.dtype("u2")).T
    out = np.zeros(shape, "u2")
    turn_into(source, out)
    assert np.array_equal(out, source)
