"""What a dataset is made of in other files is there and is HDF5, or it is refused: HDF5 itself would say nothing."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from arraymill.jobs.arrays import open_source
from arraymill.jobs.arrays.hdf5.holders import holders_of
from arraymill.jobs.errors import InputError, InputUnsupportedError

X = np.arange(12.0).reshape(3, 4)


def virtual(path: Path, source: str, member: str = "x") -> str:
    layout = h5py.VirtualLayout(X.shape, X.dtype)
    layout[...] = h5py.VirtualSource(source, member, X.shape)
    with h5py.File(path, "a") as file:
        file.create_virtual_dataset("v", layout, fillvalue=-1)
    return f"{path}::v"


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """A file whose dataset is a file of another format."""
    (tmp_path / "secret").write_bytes(X.tobytes())
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file.create_dataset("x", X.shape, X.dtype, external=[(str(tmp_path / "secret"), 0, X.nbytes)])
    return tmp_path / "secret.h5"


def test_external_storage_is_refused_however_deep_it_lies(tmp_path: Path, secret: Path) -> None:
    with h5py.File(tmp_path / "link.h5", "w") as file:
        file["x"] = h5py.ExternalLink("secret.h5", "x")
    virtual(tmp_path / "middle.h5", "secret.h5")
    names = [
        f"{secret}::x",
        virtual(secret, "."),
        f"{tmp_path}/link.h5::x",
        virtual(tmp_path / "1.h5", "secret.h5"),
        virtual(tmp_path / "2.h5", "middle.h5", "v"),
        virtual(tmp_path / "3.h5", "link.h5"),
    ]
    for name in names:
        with pytest.raises(InputUnsupportedError, match="external file"):
            open_source(name)


def test_parts_that_are_not_there_are_no_fill_values(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["x"] = X
    with pytest.raises(InputError, match="cannot be read"):
        open_source(virtual(tmp_path / "1.h5", "none.h5"))
    with pytest.raises(InputError, match="a part of the virtual dataset is not there") as caught:
        open_source(virtual(tmp_path / "2.h5", "x.h5", "y"))
    assert "holds no dataset 'y'" in caught.value.cause


def test_every_file_is_listed_once_and_the_holder_last(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["x"] = X
    virtual(tmp_path / "middle.h5", "x.h5")
    name = virtual(tmp_path / "outer.h5", "middle.h5", "v")
    with h5py.File(tmp_path / "outer.h5") as file:
        found = holders_of("x", file["v"])
    assert found == tuple(str(tmp_path / f"{stem}.h5") for stem in ("middle", "x", "outer"))
    source = open_source(name)
    out = np.empty(X.shape)
    with source.open() as reader:
        reader.read(((0, 3), (0, 4)), out)
    assert out.tolist() == X.tolist()


def test_a_virtual_dataset_of_itself_ends(tmp_path: Path) -> None:
    name = virtual(tmp_path / "x.h5", ".", "v")
    assert open_source(name).header.shape == X.shape
