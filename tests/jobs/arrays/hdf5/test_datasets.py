from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from arraymill.jobs.arrays import NpySource, Source, open_source
from arraymill.jobs.arrays.hdf5.source import Hdf5Source
from arraymill.jobs.errors import InputError, InputUnsupportedError

X = np.arange(600.0).reshape(20, 30)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    with h5py.File(tmp_path / "x.h5", "w", userblock_size=512) as file:
        file["run/images"] = X
        file.create_dataset("packed", data=X, chunks=(7, 7), compression="gzip", shuffle=True, fletcher32=True)
        file["integers"], file["flags"], file["half"] = X.astype(">i2"), X > 3, X.astype("f2")
        file["complex"], file["scalar"] = X + 1j, 3.0
        file.create_dataset("unwritten", (5, 5), "f4", fillvalue=7)
        file.create_dataset("state", data=[0, 1], dtype=h5py.enum_dtype({"off": 0, "on": 1}))
        file["link"], file["broken link"] = h5py.SoftLink("/packed"), h5py.SoftLink("/none")
        file["records"] = np.zeros(3, [("mass", "f4"), ("n", "i4")])
        file["text"], file["fixed text"] = "hello", np.array([b"ab"])
        file.create_dataset("lists", (3,), h5py.vlen_dtype(np.int32))
        file.create_dataset("references", (2,), h5py.ref_dtype)
        file["nothing"] = h5py.Empty("f4")
        file["opaque"] = np.arange(3).view("V8")
    return tmp_path / "x.h5"


def whole(source: Source) -> np.ndarray[Any, Any]:
    out = np.empty(source.header.shape, source.header.dtype)
    with source.open() as reader:
        reader.read(tuple((0, n) for n in out.shape), out)
    return out


@pytest.mark.parametrize("name", ["run/images", "integers", "flags", "half", "complex", "scalar"])
def test_what_lies_in_one_run_is_read_where_it_lies(path: Path, name: str) -> None:
    source = open_source(f"{path}::{name}")
    assert isinstance(source, NpySource)
    with h5py.File(path) as file:
        assert whole(source).tolist() == file[name][()].tolist()
        assert source.data_offset == file[name].id.get_offset()


@pytest.mark.parametrize("name", ["packed", "link", "unwritten", "state"])
def test_the_rest_is_read_by_hdf5(path: Path, name: str) -> None:
    source = open_source(f"{path}::/{name}")
    assert isinstance(source, Hdf5Source)
    with h5py.File(path) as file:
        assert whole(source).tolist() == file[name][()].tolist()
    assert source.header.dtype.metadata is None


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("records", r"compound type.*x\['mass'\]"),
        ("text", "elements are text"),
        ("fixed text", "elements are text"),
        ("lists", r"arrays of any length \(vlen\)"),
        ("references", "are references"),
        ("nothing", "is an empty dataset"),
        ("opaque", "raw bytes are not worked on"),
    ],
)
def test_what_is_no_numbers_is_refused_by_name(path: Path, name: str, said: str) -> None:
    with pytest.raises(InputUnsupportedError) as caught:
        open_source(f"{path}::{name}")
    assert caught.value.exit_code == 3
    assert re.search(said, f"{caught.value.what} {caught.value.next}")


@pytest.mark.parametrize("name", ["none", "broken link", "run/none"])
def test_a_dataset_that_is_not_there_is_told_of(path: Path, name: str) -> None:
    with pytest.raises(InputError) as caught:
        open_source(f"{path}::{name}")
    assert caught.value.exit_code == 3


def test_of_several_datasets_one_must_be_named(path: Path) -> None:
    with pytest.raises(InputError, match="is an HDF5 file of 9 arrays, and none is named") as caught:
        open_source(path)
    assert "text" not in caught.value.cause
    assert open_source(f"{path}::run").header.shape == (20, 30)


def test_a_dataset_alone_that_is_no_numbers_is_refused_for_what_it_is(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["deep/records"] = np.zeros(3, [("mass", "f4"), ("n", "i4")])
    with pytest.raises(InputUnsupportedError, match="compound type"):
        open_source(tmp_path / "x.h5")


def test_other_files_are_followed(path: Path) -> None:
    for name, target in {"packed": "packed", "plain": "run/images"}.items():
        with h5py.File(path.parent / f"{name}.h5", "w") as file:
            file["x"] = h5py.ExternalLink("x.h5", target)
    with h5py.File(path.parent / "virtual.h5", "w") as file:
        layout = h5py.VirtualLayout(X.shape, X.dtype)
        layout[...] = h5py.VirtualSource("x.h5", "packed", X.shape)
        file.create_virtual_dataset("x", layout)
    for name in ("packed", "plain", "virtual"):
        source = open_source(path.parent / f"{name}.h5::x")
        assert whole(source).tolist() == X.tolist()
        if isinstance(source, Hdf5Source):
            assert {Path(file).name for file in source.files} == {f"{name}.h5", "x.h5"}
    # HDF5 itself takes the fill value for what is not there
    path.rename(path.parent / "gone.h5")
    with pytest.raises(InputError, match="cannot be read"):
        open_source(path.parent / "virtual.h5::x")


def test_filters_that_are_not_installed_are_named(tmp_path: Path, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(h5py.h5z, "filter_avail", lambda code: False)
    with pytest.raises(InputUnsupportedError, match="is compressed with a filter that is not installed") as caught:
        open_source(f"{path}::packed")
    assert "filter 2 (shuffle)" in caught.value.cause
