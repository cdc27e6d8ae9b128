from __future__ import annotations

import struct
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from arraymill.jobs.arrays import NpySource, open_source
from arraymill.jobs.arrays.forward import forward_regions
from arraymill.jobs.arrays.npz.member import ZipMemberSource
from arraymill.jobs.errors import InputError, InputUnsupportedError

X = np.arange(12.0).reshape(3, 4)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    np.savez(tmp_path / "x.npz", a=X, b=np.asfortranarray(X))
    return tmp_path / "x.npz"


def refused(path: Any, message: str, kind: type[InputError] = InputError) -> InputError:
    with pytest.raises(kind, match=message) as caught:
        open_source(path)
    assert (caught.value.exit_code, str(path) in caught.value.what) == (3, True)
    return caught.value


@pytest.mark.parametrize("name", ["a", "a.npy", "b"])
def test_a_stored_member_is_read_where_it_lies(path: Path, name: str) -> None:
    source = open_source(f"{path}::{name}")
    assert isinstance(source, NpySource)
    kept = np.fromfile(path, "<f8", X.size, offset=source.data_offset)
    assert (X if name != "b" else X.T).ravel().tolist() == kept.tolist()
    assert (source.header.order, source.path) == ("F" if name == "b" else "C", str(path))


def test_one_array_alone_needs_no_name(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", X)
    with zipfile.ZipFile(tmp_path / "x.npz", "a") as archive:
        archive.writestr("notes.txt", "no array")
    assert open_source(tmp_path / "x.npz").header.shape == (3, 4)


def test_of_several_arrays_one_must_be_named(path: Path) -> None:
    error = refused(path, "is a .npz archive of 2 arrays, and none is named")
    assert (error.cause, error.next) == ("it holds a, b", f"name one: {path}::a")
    assert f"{path}::b" in refused(f"{path}::bb", "there is no such array").next


def test_an_empty_archive_is_refused(path: Path) -> None:
    with zipfile.ZipFile(path, "w"):
        pass
    refused(path, "holds no array")


def test_a_file_with_two_colons_in_its_name_is_that_file(tmp_path: Path) -> None:
    np.save(tmp_path / "a::b.npy", X)
    assert open_source(tmp_path / "a::b.npy").header.shape == (3, 4)


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_members_are_streams(tmp_path: Path, method: int) -> None:
    np.save(tmp_path / "x.npy", X)
    with zipfile.ZipFile(tmp_path / "x.npz", "w", method) as archive:
        archive.write(tmp_path / "x.npy", "x.npy")
    source = open_source(tmp_path / "x.npz")
    assert isinstance(source, ZipMemberSource)
    out = np.empty((3, 4))
    with source.open() as reader:
        reader.read(((0, 3), (0, 4)), out)
    assert out.tolist() == X.tolist()


def test_zip64_is_read(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", X)
    with (
        zipfile.ZipFile(tmp_path / "x.npz", "w") as archive,
        archive.open("x.npy", "w", force_zip64=True) as member,
    ):
        member.write((tmp_path / "x.npy").read_bytes())
    assert isinstance(open_source(tmp_path / "x.npz"), NpySource)


def test_what_precedes_the_archive_is_no_matter(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:4] + b"junk" + content)
    source = open_source(f"{path}::a")
    assert np.fromfile(path, "<f8", 2, offset=source.data_offset).tolist() == [0.0, 1.0]


def patched(path: Path, signature: bytes, offset: int, value: int) -> None:
    """Change a field of two bytes in every header of a kind."""
    content = bytearray(path.read_bytes())
    place = content.find(signature)
    while place >= 0:
        struct.pack_into("<H", content, place + offset, value)
        place = content.find(signature, place + 1)
    path.write_bytes(content)


def test_encrypted_members_are_refused(path: Path) -> None:
    patched(path, b"PK\1\2", 8, 1)
    refused(f"{path}::a", "is encrypted", InputUnsupportedError)


def test_unknown_compressions_are_refused(path: Path) -> None:
    patched(path, b"PK\1\2", 10, 9)
    assert "method 9" in refused(f"{path}::a", "in a way that is not read", InputUnsupportedError).cause


def test_objects_are_refused(path: Path) -> None:
    np.savez(path, a=np.array([{}], dtype=object))
    refused(path, "pickled", InputUnsupportedError)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_a_member_must_be_as_long_as_its_header_says(path: Path, save: Any) -> None:
    method = zipfile.ZIP_STORED if save is np.savez else zipfile.ZIP_DEFLATED
    np.save(path.with_suffix(".npy"), X)
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("a.npy", path.with_suffix(".npy").read_bytes()[:-8])
    assert refused(path, "is not as long").cause == "216 bytes in the archive; 224 by the .npy header"


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_nothing_is_loaded_whole(tmp_path: Path, save: Any) -> None:
    x = np.zeros((400, 10_000))
    save(tmp_path / "x.npz", x)
    tracemalloc.start()
    try:
        source = open_source(tmp_path / "x.npz")
        with source.open() as reader:
            out = np.empty((1, 10_000))
            for region in forward_regions(source.header, out.nbytes):
                reader.read(region, out)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < x.nbytes // 4
