from __future__ import annotations

import fcntl
from pathlib import Path

import h5py
import numpy as np
import pytest

from arraymill.jobs.arrays import open_source
from arraymill.jobs.errors import InputChangedError, InputError

X = np.arange(600.0).reshape(20, 30)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file.create_dataset("x", data=X, chunks=(20, 30), compression="gzip")
    return tmp_path / "x.h5"


def test_axes_are_reversed_without_a_copy(path: Path) -> None:
    source = open_source(path).T
    out = np.empty((4, 3))
    with source.open() as reader:
        reader.read(((2, 6), (1, 4)), out)
    assert out.tolist() == X.T[2:6, 1:4].tolist()
    assert open_source(path) == source.T


def test_a_chunk_that_cannot_be_unpacked_is_told_of(path: Path) -> None:
    with h5py.File(path) as file:
        place = file["x"].id.get_chunk_info(0).byte_offset
    content = path.read_bytes()
    path.write_bytes(content[:place] + bytes(40) + content[place + 40 :])
    with open_source(path).open() as reader, pytest.raises(InputError, match="the HDF5 file is broken") as caught:
        reader.read(((0, 20), (0, 30)), np.empty((20, 30)))
    assert (caught.value.exit_code, "HDF5 says of [0:20, 0:30]: " in caught.value.cause) == (3, True)


def test_every_file_is_looked_at(path: Path) -> None:
    with h5py.File(path.parent / "all.h5", "w") as file:
        layout = h5py.VirtualLayout(X.shape, X.dtype)
        layout[...] = h5py.VirtualSource("x.h5", "x", X.shape)
        file.create_virtual_dataset("x", layout)
    source = open_source(path.parent / "all.h5")
    path.write_bytes(path.read_bytes() + b"more")
    with pytest.raises(InputChangedError, match="changed since the job was planned"), source.open():
        pass


def test_a_file_that_is_open_for_writing_elsewhere_is_told_of(path: Path) -> None:
    with path.open("r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(InputError, match="is open for writing in another process"):
            open_source(path)
    assert open_source(path).header.shape == (20, 30)
