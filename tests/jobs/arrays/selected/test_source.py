"""Tests of jobs/arrays/selected/source.py and selected_reader.py."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from array_layouts import empty_like_layout, numbered, regions
from hypothesis import given
from hypothesis import strategies as st

from arraymill.jobs.arrays.memory import MemorySource
from arraymill.jobs.arrays.npy.source import open_npy
from arraymill.jobs.arrays.selected import reader as selected_reader
from arraymill.jobs.arrays.selected.source import select_source
from arraymill.jobs.blocks import as_slices, region_shape
from arraymill.jobs.errors import SpecError

numbers = st.none() | st.integers(-9, 9)
slices = st.builds(slice, numbers, numbers, st.sampled_from([None, 1, 2, 3, 7, -1, -2, -5]))


def text_of(item):
    if isinstance(item, slice):
        return ":".join("" if n is None else str(n) for n in (item.start, item.stop, item.step))
    return "..." if item is Ellipsis else str(item)


@st.composite
def selections(draw):
    """Draw a shape, what is selected of it, and a region of that."""
    shape = draw(st.lists(st.integers(0, 9), min_size=1, max_size=3).map(tuple))
    index = [draw(slices | st.integers(-n, n - 1) if n else slices) for n in shape]
    n_left = draw(st.integers(0, len(index)))
    items = index[:n_left] if draw(st.booleans()) else [*index[:n_left], ..., *index[n_left + 1 :]]
    items = items or [...]
    part = numbered(shape, np.dtype("i4"))[tuple(items)]
    return shape, tuple(items), draw(regions(part.shape))


class CountingReader:
    """A reader of memory that counts what it is asked for."""

    def __init__(self, array):
        self.array, self.n_calls, self.most_bytes = array, 0, 0

    def read(self, region, out):
        self.n_calls += 1
        self.most_bytes = max(self.most_bytes, out.nbytes)
        out[...] = self.array[as_slices(region)]
        return out.nbytes


@given(selections(), st.sampled_from("CF"), st.booleans(), st.sampled_from(["C", "F", "reversed"]), st.booleans())
def test_a_region_is_that_of_numpys_slicing(selection, order, is_reversed, layout, is_small):
    shape, items, region = selection
    whole = np.asarray(numbered(shape, np.dtype("i4")), order=order)
    source = select_source(MemorySource("x", whole), ", ".join(map(text_of, items)))
    part = whole[(*items, ...)] if ... not in items else whole[items]
    assert source.header.shape == part.shape
    if is_reversed:
        source, part, region = source.T, part.T, region[::-1]
    expected = part[(*as_slices(region), ...)]
    out = empty_like_layout(layout, region_shape(region), whole.dtype)
    with pytest.MonkeyPatch.context() as patch, source.open() as reader:
        if is_small:
            patch.setattr(selected_reader, "SCRATCH_BYTES", 20)
            patch.setattr(selected_reader, "GAP_BYTES", 8)
        reader.read(region, out)
        view = reader.view(region)
        reader.expect(region)
    assert np.array_equal(out, expected)
    assert np.array_equal(view, expected) if expected.size else view is None


@pytest.mark.parametrize(
    ("text", "most_calls", "most_bytes"),
    [
        # columns lie close together, rows of 80 KB do not
        (":, ::2", 40, selected_reader.SCRATCH_BYTES),
        ("::200", 5, 80_000),
        ("::-1", 1, 80_000_000),
    ],
)
def test_steps_are_read_in_bounded_memory(text, most_calls, most_bytes):
    whole = np.zeros((1000, 10_000))
    source = select_source(MemorySource("x", whole), text)
    part = np.empty(source.header.shape)
    with source.open() as reader:
        counting = reader._reader = CountingReader(whole)
        reader.read(tuple((0, n) for n in part.shape), part)
    assert counting.most_bytes <= most_bytes
    assert counting.n_calls <= most_calls


def test_a_file_is_viewed_and_travels(tmp_path):
    whole = np.arange(400_000.0).reshape(400, 1000)
    np.save(tmp_path / "x.npy", whole)
    source = select_source(open_npy("x.npy", str(tmp_path / "x.npy")), "10:300:2, ::-1")
    assert (source.files, source.data_offset) == ((str(tmp_path / "x.npy"),), 0)
    assert hash(source) == hash(pickle.loads(pickle.dumps(source)))
    with source.open() as reader:
        view = reader.view(((0, 100), (0, 1000)))
        assert np.array_equal(view, whole[10:210:2, ::-1])
        assert not view.flags.writeable
        # kept, the gaps would be kept too
        assert reader.view(((0, 100), (0, 1000)), is_kept=True) is None


def test_orders():
    source = MemorySource("x", np.ones((3, 4, 5), order="F"))
    assert select_source(source, "1").header.order == "F"
    assert select_source(source, "1, 2").header.order == "C"


@pytest.mark.parametrize("text", ["4", "::0", "x", "", "1,,2", "0:1:2:3", "1.0", "..., ...", "0, 0, 0", "None", "[0]"])
def test_what_is_no_selection_is_refused(text):
    with pytest.raises(SpecError, match=r"x\.npy: cannot be selected from by"):
        select_source(MemorySource("x.npy", np.ones((4, 2))), text)
