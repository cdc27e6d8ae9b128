from __future__ import annotations

import copy
import pickle
from pathlib import Path

import numpy as np
import pytest
from array_layouts import DTYPES, LAYOUTS, empty_like_layout, numbered, regions, same_bits
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from arraymill.jobs.arrays import MemorySource, MemoryTarget
from arraymill.jobs.blocks import as_slices, region_shape
from arraymill.jobs.errors import InputUnsupportedError


@given(data=st.data())
def test_regions_are_numpys(data: st.DataObject) -> None:
    shape = data.draw(hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=5))
    dtype = data.draw(st.sampled_from(DTYPES))
    array, result = (empty_like_layout(data.draw(st.sampled_from(LAYOUTS)), shape, dtype) for _ in range(2))
    array[...] = numbered(shape, dtype)
    source, target = MemorySource("x", array).T, MemoryTarget(result).T
    region = data.draw(regions(array.T.shape))
    out = np.empty(region_shape(region), dtype.newbyteorder("S"))
    with source.open() as reader, target.open() as writer:
        assert (out.nbytes, out.nbytes) == (reader.read(region, out), writer.write(region, out))
        view = reader.view(region)
    assert same_bits(array.T[(*as_slices(region), ...)], out)
    assert same_bits(out, view)
    assert same_bits(out, result.T[(*as_slices(region), ...)])


def test_a_view_is_read_only_and_shares_memory() -> None:
    array = np.arange(6.0)
    with MemorySource("x", array).open() as reader:
        view = reader.view(((2, 4),))
    assert (np.shares_memory(view, array), view.flags.writeable, array.flags.writeable) == (True, False, True)


def test_the_header_says_the_memory_order() -> None:
    array = np.zeros((2, 3))
    headers = [MemorySource("x", each).header for each in (array, array.T, array[:, ::2], array[::-1])]
    assert [header.order for header in headers] == ["C", "F", "C", "C"]
    assert (headers[1].name, headers[1].shape) == ("x", (3, 2))


@pytest.mark.parametrize("holder", [MemorySource("x", np.zeros(3)), MemoryTarget(np.zeros(3), "x")])
def test_arrays_in_memory_never_travel(holder: object) -> None:
    with pytest.raises(TypeError, match="array data never travels"):
        pickle.dumps(holder)
    with pytest.raises(TypeError, match="array data never travels"):
        copy.copy(holder)


def test_sources_are_hashable_and_equal_to_themselves_alone() -> None:
    one, other = (MemorySource("x", np.zeros(3)) for _ in range(2))
    assert len({one, other}) == 2


def test_odd_dtypes_and_masks_are_refused() -> None:
    with pytest.raises(InputUnsupportedError, match="view"):
        MemorySource("x", np.zeros(3, "M8[s]"))
    with pytest.raises(InputUnsupportedError, match="filled"):
        MemorySource("x", np.ma.zeros(3))


def test_a_map_is_shared_and_read_only(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.arange(6.0))
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    with MemorySource("x", mapped).open() as reader:
        view = reader.view(((2, 4),))
    assert (np.ndarray, True) == (type(view), np.shares_memory(view, mapped))


def test_a_target_is_read_back_while_it_is_written() -> None:
    target = MemoryTarget(np.zeros((2, 3)))
    with target.open(durable=True) as writer, target.T.reader() as reader:
        writer.write(((1, 2), (0, 3)), np.array([[1.0, 2.0, 3.0]]))
        out = np.empty((3, 1))
        assert reader.read(((0, 3), (1, 2)), out) == 24
    assert out.ravel().tolist() == [1, 2, 3]
    assert target.array.flags.writeable
