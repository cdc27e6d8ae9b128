from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import zarr

from arraymill.jobs.arrays import open_source
from arraymill.jobs.arrays.zarr import source as zarr_source
from arraymill.jobs.errors import InputError

X = np.arange(600.0).reshape(20, 30)


def test_a_chunk_that_cannot_be_unpacked_is_told_of(tmp_path: Path) -> None:
    zarr.create_array(tmp_path / "x", data=X, chunks=(20, 30))
    (tmp_path / "x" / "c" / "0" / "0").write_bytes(b"no zstd")
    source = open_source(tmp_path / "x")
    with source.open() as reader, pytest.raises(InputError, match="Zarr store is broken") as caught:
        reader.read(((0, 20), (0, 30)), np.empty((20, 30)))
    assert (caught.value.exit_code, "zarr says of [0:20, 0:30]: " in caught.value.cause) == (3, True)


def test_a_description_is_read_once_for_all_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    zarr.create_array(tmp_path / "x", data=X, chunks=(5, 30))
    source = open_source(tmp_path / "x")
    opened = []
    open_node = zarr_source.open_node
    monkeypatch.setattr(zarr_source, "open_node", lambda *a, **k: (opened.append(a), open_node(*a, **k))[1])
    for start in range(0, 20, 5):
        with source.open() as reader:
            reader.read(((start, start + 5), (0, 30)), np.empty((5, 30)))
    assert opened == [(str(tmp_path / "x"), "")]


def test_axes_are_reversed_without_a_copy(tmp_path: Path) -> None:
    zarr.create_array(tmp_path / "x", data=X, chunks=(5, 7), shards=(10, 14))
    source = open_source(tmp_path / "x").T
    out = np.empty((4, 3))
    with source.open() as reader:
        reader.read(((2, 6), (1, 4)), out)
    assert out.tolist() == X.T[2:6, 1:4].tolist()
    assert open_source(tmp_path / "x") == source.T


def test_nothing_is_kept_of_a_path_that_is_gone(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        open_source(tmp_path / "none.zarr")
