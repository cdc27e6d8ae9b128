"""Tests of jobs/arrays/flat.py."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from array_layouts import empty_like_layout, numbered
from hypothesis import given
from hypothesis import strategies as st

from arraymill.jobs.arrays.flat import FlatSource, flatten_source
from arraymill.jobs.arrays.memory import MemorySource
from arraymill.jobs.arrays.npy.source import NpySource, open_npy


@given(
    st.lists(st.integers(0, 5), max_size=4),
    st.sampled_from(["C", "F", "reversed"]),
    st.sampled_from(["C", "every other"]),
    st.data(),
)
def test_a_range_is_that_of_numpys_ravel(shape, layout, out_layout, data):
    array = empty_like_layout(layout, tuple(shape), np.dtype(">i4"))
    array[...] = numbered(tuple(shape), np.dtype("u1"))
    source = flatten_source(MemorySource("x", array))
    start, stop = sorted((data.draw(st.integers(0, array.size)), data.draw(st.integers(0, array.size))))
    out = empty_like_layout(out_layout, (stop - start,), np.dtype("=i4"))
    with source.T.open() as reader:
        assert reader.read(((start, stop),), out) == out.nbytes
        view = reader.view(((start, stop),))
        reader.expect(((start, stop),))
    assert (source.header.shape, source.data_offset) == ((array.size,), 0)
    assert np.array_equal(out, array.ravel()[start:stop])
    assert view is None or (np.array_equal(view, out) and not view.flags.writeable)


@pytest.mark.parametrize(("order", "kind"), [("C", NpySource), ("F", FlatSource)])
def test_a_file_travels(tmp_path, order, kind):
    array = np.asarray(np.arange(300_000.0).reshape(300, 1000), order=order)
    np.save(tmp_path / "x.npy", array)
    source = flatten_source(open_npy("x.npy", str(tmp_path / "x.npy")))
    assert isinstance(source, kind)
    again = pickle.loads(pickle.dumps(source))
    assert (again, hash(again)) == (source, hash(source))
    out = np.empty(150_000)
    with again.open() as reader:
        reader.read(((500, 150_500),), out)
        view = reader.view(((500, 150_500),))
    assert np.array_equal(out, array.ravel()[500:150_500])
    assert (view is None) == (order == "F")
