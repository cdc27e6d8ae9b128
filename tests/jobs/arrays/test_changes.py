"""What is told of changes of inputs that are not one .npy file; test_fingerprints.py has those that are."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from stored_arrays import FORMATS, store

from arraymill.jobs.arrays import (
    Change,
    Fingerprint,
    NpySource,
    compare_fingerprints,
    fingerprint,
    fingerprint_again,
    fingerprints,
    open_input,
)
from arraymill.jobs.spec.input import InputSpec

X = np.arange(120.0).reshape(12, 10)


@pytest.fixture(params=FORMATS)
def entry(request: pytest.FixtureRequest, tmp_path: Path) -> InputSpec:
    return store(request.param, tmp_path / "x", X)


def kept(entry: InputSpec, *, full: bool = False) -> Fingerprint:
    return Fingerprint.from_json(json.loads(json.dumps(fingerprint(open_input(entry), full=full).to_json())))


def since(old: Fingerprint, entry: InputSpec) -> Change:
    return compare_fingerprints(old, fingerprint_again(old, open_input(entry)))


def files_in(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def change_a_byte(path: Path, *, is_hidden: bool) -> None:
    """Change the last byte but 20 of a file, and its time or not."""
    status, content = path.stat(), bytearray(path.read_bytes())
    content[-20] ^= 1
    path.write_bytes(content)
    if is_hidden:
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def test_what_was_not_touched_is_the_same(entry: InputSpec) -> None:
    assert since(kept(entry), entry) == Change((), (), is_proven=True)


def test_what_was_touched_is_proven_the_same(entry: InputSpec, tmp_path: Path) -> None:
    old = kept(entry)
    for path in files_in(tmp_path):
        os.utime(path, ns=(1, 1))
    assert since(old, entry) == Change(("mtime",), (), is_proven=True)


def test_a_changed_byte_is_told_of(entry: InputSpec, tmp_path: Path) -> None:
    old, source = kept(entry), open_input(entry)
    # one chunk of several, where there are chunks
    change_a_byte(files_in(tmp_path / "x" if (tmp_path / "x").is_dir() else tmp_path)[0], is_hidden=True)
    change = compare_fingerprints(old, fingerprint_again(old, source))
    assert (change.fields, change.is_same) == (("content",), False)
    # elsewhere no byte is known to stand for an element
    assert change.is_proven == bool(change.changed_ranges) == isinstance(source, NpySource)


@pytest.fixture
def store_entry(tmp_path: Path) -> InputSpec:
    return store("Zarr 3", tmp_path / "x", X)


def remove_a_chunk(folder: Path) -> None:
    files_in(folder / "c")[0].unlink()


def add_a_chunk(folder: Path) -> None:
    shutil.copy(files_in(folder / "c")[0], folder / "c" / "other")


def lengthen_a_chunk(folder: Path) -> None:
    with files_in(folder / "c")[0].open("ab") as file:
        file.write(b"more")


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        (remove_a_chunk, {"files", "size", "mtime", "content"}),
        (add_a_chunk, {"files", "size", "mtime", "content"}),
        (lengthen_a_chunk, {"files", "size", "mtime", "content"}),
    ],
)
def test_other_files_of_a_store_are_told_of(
    store_entry: InputSpec, tmp_path: Path, change: Callable[[Path], None], fields: set[str]
) -> None:
    old = kept(store_entry)
    change(tmp_path / "x")
    found = since(old, store_entry)
    assert ({*found.fields}, found.is_proven) == (fields, False)


def test_of_large_stores_samples_are_looked_at(
    store_entry: InputSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fingerprints, "CHUNK_BYTES", 16)
    monkeypatch.setattr(fingerprints, "N_SAMPLES", 4)
    old = kept(store_entry)
    assert (old.is_complete, len(old.chunks), old.is_of_several) == (False, 4, True)
    assert since(old, store_entry) == Change((), (), is_proven=False)
    # the first span begins with the first file
    change_a_byte(files_in(tmp_path / "x")[0], is_hidden=False)
    found = since(old, store_entry)
    assert ("mtime" in found.fields, found.is_proven) == (True, False)
    assert kept(store_entry, full=True).is_complete


def test_files_that_are_joined_are_one_input(tmp_path: Path) -> None:
    for name in "ab":
        np.save(tmp_path / name, X)
    entry = InputSpec(path=str(tmp_path / "*.npy"), select="::2")
    old = kept(entry)
    assert (old.path, old.size) == (str(tmp_path), 2 * (X.nbytes + 128))
    np.save(tmp_path / "b", X + 1)
    assert {"mtime", "content"} == {*since(old, entry).fields}


def test_where_elements_begin_is_part_of_the_header(tmp_path: Path) -> None:
    x = np.ones(100)
    np.savez(tmp_path / "x.npz", a=x)
    entry = InputSpec(path=f"{tmp_path}/x.npz::a")
    old = kept(entry)
    np.savez(tmp_path / "x.npz", b=x, a=x)
    assert {"header", "size", "mtime", "content"} == {*since(old, entry).fields}
