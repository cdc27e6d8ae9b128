"""Tests of jobs/operations/layouts/rechunk.py."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
import zarr
from hypothesis import given
from hypothesis import strategies as st
from moved_arrays import arrays, check_kernel, check_moved, draft_of, shapes

from arraymill.jobs.api import run
from arraymill.jobs.errors import OutputError, SpecError
from arraymill.jobs.headers import ArrayHeader

X = np.arange(600.0).reshape(20, 30)


@given(st.data(), shapes, st.sampled_from((None, 3)))
def test_elements_keep_their_bits(data, shape, n_blocks):
    check_moved("rechunk", [data.draw(arrays(shape))], {"chunks": (-1,) * len(shape)}, n_blocks)


def test_the_kernel_is_the_same_on_torch():
    check_kernel("rechunk", [X], {"chunks": (7, -1)})


def test_the_output_has_the_chunks(tmp_path: Path):
    np.save(tmp_path / "x.npy", X)
    run("rechunk", tmp_path / "x.npy", chunks=(7, -1), output=tmp_path / "y.zarr")
    run("rechunk", tmp_path / "y.zarr", chunks=(-1, 100), output=tmp_path / "z.h5")
    stored = zarr.open_array(tmp_path / "y.zarr", mode="r")
    assert stored.chunks == (7, 30)
    assert np.array_equal(stored[:], X)
    with h5py.File(tmp_path / "z.h5") as file:
        (dataset,) = file.values()
        assert dataset.chunks == (20, 30)
        assert np.array_equal(dataset[()], X)


def test_a_format_without_chunks_is_refused(tmp_path: Path):
    with pytest.raises(OutputError, match="have no chunks"):
        run("rechunk", X, chunks=(7, -1), output=tmp_path / "y.npy")


@pytest.mark.parametrize("chunks", [(7,), (7, 7, 7), (0, 7), (7, -2), ()])
def test_chunks_that_do_not_fit_are_refused(chunks, tmp_path: Path):
    with pytest.raises(SpecError, match="cannot be stored in chunks") as caught:
        draft_of("rechunk", [ArrayHeader("x.npy", (20, 30), np.dtype("f8"))], chunks=chunks)
    assert caught.value.next == "give 2 lengths from 1, or -1 for a whole axis"
    with pytest.raises(SpecError, match="cannot be stored in chunks"):
        run("rechunk", X, chunks=chunks, output=tmp_path / "y.zarr")


def test_chunks_are_needed(tmp_path: Path):
    with pytest.raises(SpecError, match="chunks"):
        run("rechunk", X, output=tmp_path / "y.zarr")
