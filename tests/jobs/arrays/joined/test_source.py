"""Tests of jobs/arrays/joined/source.py."""

from __future__ import annotations

import pickle
import time

import numpy as np
import pytest
from array_layouts import empty_like_layout, numbered, regions
from hypothesis import given
from hypothesis import strategies as st

from arraymill.jobs.arrays.joined.source import join_sources
from arraymill.jobs.arrays.memory import MemorySource
from arraymill.jobs.arrays.npy.source import open_npy
from arraymill.jobs.blocks import as_slices, region_shape
from arraymill.jobs.errors import InputChangedError, InputUnsupportedError, SpecError


def memory(arrays):
    return [MemorySource(f"part{number}", array) for number, array in enumerate(arrays)]


def read_whole(source, and_then=lambda: None):
    with source.open() as reader:
        reader.read(tuple((0, n) for n in source.header.shape), np.empty(source.header.shape))
        and_then()


@st.composite
def joins(draw):
    """Draw arrays, how they are joined, and a region of the whole."""
    how = draw(st.sampled_from(["concatenate", "stack"]))
    shape = draw(st.lists(st.integers(0, 4), min_size=how == "concatenate", max_size=3).map(tuple))
    axis = draw(st.integers(0, len(shape) - (how == "concatenate")))
    n = draw(st.integers(1, 4))
    lengths = draw(st.lists(st.integers(0, 4), min_size=n, max_size=n))
    shapes = [shape if how == "stack" else (*shape[:axis], length, *shape[axis + 1 :]) for length in lengths]
    layouts = draw(st.lists(st.sampled_from(["C", "F", "reversed"]), min_size=n, max_size=n))
    arrays = []
    for place, (one, layout) in enumerate(zip(shapes, layouts, strict=True)):
        array = empty_like_layout(layout, one, np.dtype(draw(st.sampled_from("<>")) + "f4"))
        array[...] = numbered(one, np.dtype("u1")).astype("i4") + place * 1000
        arrays.append(array)
    whole = getattr(np, how)(arrays, axis=axis)
    return arrays, how, axis, whole, draw(regions(whole.shape))


@given(joins(), st.booleans(), st.sampled_from(["C", "F", "every other"]))
def test_a_region_is_that_of_numpys_join(join, is_reversed, layout):
    arrays, how, axis, whole, region = join
    source = join_sources(memory(arrays), how, axis - whole.ndim)
    assert (source.header.shape, source.header.dtype.newbyteorder("=")) == (whole.shape, whole.dtype)
    if is_reversed:
        source, whole, region = source.T, whole.T, region[::-1]
    out = empty_like_layout(layout, region_shape(region), np.dtype("f4"))
    with source.open() as reader:
        assert reader.read(region, out) == out.nbytes
        view = reader.view(region)
        reader.expect(region)
    expected = whole[(*as_slices(region), ...)]
    assert np.array_equal(out, expected)
    assert view is None or (np.array_equal(view, expected) and not view.flags.writeable)


@pytest.mark.parametrize(
    ("how", "region", "is_viewed"),
    [
        ("concatenate", ((0, 2), (0, 3)), True),
        ("concatenate", ((2, 5), (1, 3)), True),
        ("concatenate", ((1, 3), (0, 3)), False),
        ("concatenate", ((0, 0), (0, 3)), False),
    ],
)
def test_a_region_within_one_member_is_viewed(how, region, is_viewed):
    source = join_sources(memory([np.ones((2, 3)), np.ones((0, 3)), np.ones((3, 3))]), how, 0)
    with source.open() as reader:
        assert (reader.view(region) is not None) is is_viewed


def test_one_step_of_a_stack_is_viewed():
    arrays = [np.arange(6).reshape(2, 3) + 10 * n for n in range(3)]
    with join_sources(memory(arrays), "stack", 1).open() as reader:
        view = reader.view(((0, 2), (1, 2), (1, 3)))
        assert np.shares_memory(view, arrays[1])
        assert view.tolist() == [[[11, 12]], [[14, 15]]]
        assert reader.view(((0, 2), (0, 2), (0, 3))) is None


@pytest.fixture
def files(tmp_path):
    """Forty files of three rows: more than are open at once."""
    paths = [tmp_path / f"part{number:02}.npy" for number in range(40)]
    for number, path in enumerate(paths):
        np.save(path, np.full((3, 5), number, "f8"))
    return paths


def test_files_are_read_through_few_open_ones(files):
    source = join_sources([open_npy(path.name, str(path)) for path in files])
    assert source.files == tuple(map(str, files))
    out = np.empty((120, 2))
    with pickle.loads(pickle.dumps(source)).open() as reader:
        assert reader.read(((0, 120), (1, 3)), out) >= out.nbytes
        assert len(reader.members) == 32
    assert out[:, 1].tolist() == np.repeat(np.arange(40), 3).tolist()


@pytest.mark.parametrize("number", [0, 39])
def test_a_member_that_changed_is_told_of(files, number):
    source = join_sources([open_npy(path.name, str(path)) for path in files])
    np.save(files[number], np.ones((3, 5)))
    with pytest.raises(InputChangedError, match=f"part{number:02}"):
        read_whole(source)


def test_a_member_that_changes_while_it_is_read_is_told_of(files):
    source = join_sources([open_npy(path.name, str(path)) for path in files[:2]])
    with pytest.raises(InputChangedError, match="part01"):
        read_whole(source, lambda: np.save(files[1], np.ones((3, 6))))


def test_ten_thousand_members_are_cheap(tmp_path):
    path = tmp_path / "x.npy"
    np.save(path, np.ones((3, 5)))
    one = open_npy("x.npy", str(path))
    source = join_sources([one] * 10_000, "stack")
    assert hash(source) == hash(pickle.loads(pickle.dumps(source)))
    assert source == join_sources([one] * 10_000, "stack")
    start = time.perf_counter()
    for _ in range(1000):
        hash(source)
    # of ten thousand members it would be seconds
    assert time.perf_counter() - start < 1


@pytest.mark.parametrize(
    ("arrays", "how", "axis", "match"),
    [
        ([np.ones((2, 3)), np.ones((2, 4)), np.ones((5, 3))], "concatenate", 0, r"part1: its shape \(2, 4\) does not"),
        ([np.ones((2, 4)), np.ones((2, 3)), np.ones((2, 3))], "stack", 0, r"part0: its shape \(2, 4\) does not"),
        ([np.ones((2, 3)), np.ones(3)], "concatenate", 1, "part1: its shape"),
        ([np.ones((2, 3))], "concatenate", 2, "along axis 2"),
        ([np.ones((2, 3))], "stack", -4, "along axis -4"),
        ([np.ones(())], "concatenate", 0, "along axis 0"),
        ([], "concatenate", 0, "nothing to join"),
    ],
)
def test_what_does_not_fit_is_named(arrays, how, axis, match):
    with pytest.raises(SpecError, match=match):
        join_sources(memory(arrays), how, axis)


def test_another_dtype_is_named_with_the_way_out():
    with pytest.raises(InputUnsupportedError, match="part1: its dtype float32") as caught:
        join_sources(memory([np.ones(2), np.ones(2, "f4"), np.ones(2, ">f8")]))
    assert "--dtype float64" in caught.value.next


def test_byte_orders_may_differ():
    one, other = np.arange(3.0), np.arange(2).astype(">f8")
    assert join_sources(memory([other, other])).header.dtype == np.dtype(">f8")
    assert join_sources(memory([one, other])).header.dtype == np.dtype("=f8")


def test_order_is_fortran_where_all_are():
    c, f = np.ones((2, 3)), np.ones((2, 3), order="F")
    assert [join_sources(memory(pair)).header.order for pair in ([f, f], [c, f])] == ["F", "C"]


def test_names():
    sources = memory([np.ones(2)] * 3)
    assert join_sources(sources).header.name == "part0 and 2 more"
    assert join_sources(sources[:1]).header.name == "part0"
    assert join_sources(sources, name="part*.npy").header.name == "part*.npy"
