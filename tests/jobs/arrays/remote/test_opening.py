"""Tests of jobs/arrays/remote/opening.py and what it is made of: a server of this process, with ranges and without."""

from __future__ import annotations

import gzip
import pickle
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import h5py
import numpy as np
import pytest
import zarr
from array_layouts import DTYPES, LAYOUTS, empty_like_layout, numbered, regions, same_bits
from hypothesis import given
from hypothesis import strategies as st
from range_server import FileServer, serve

from arraymill.jobs.api import run
from arraymill.jobs.arrays import compare_fingerprints, fingerprint, fingerprint_again
from arraymill.jobs.arrays.joined.source import join_sources
from arraymill.jobs.arrays.remote import file as remote_file
from arraymill.jobs.arrays.remote import npy as remote_npy
from arraymill.jobs.arrays.remote.errors import failed_error, public_name
from arraymill.jobs.arrays.remote.opening import open_remote
from arraymill.jobs.arrays.selected.source import select_source
from arraymill.jobs.blocks import as_slices, region_shape, whole_region
from arraymill.jobs.errors import InputChangedError, InputError, InputFailedError, InputUnsupportedError, SpecError

X = np.arange(60_000.0).reshape(200, 300)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote_file, "PAUSES_S", (0.0, 0.0, 0.0))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("served")
    np.save(folder / "x.npy", X)
    np.save(folder / "f.npy", np.asfortranarray(X))
    zarr.create_array(folder / "x.zarr", data=X, chunks=(64, 100))
    zarr.open_group(folder / "group.zarr", mode="w").create_array("a/b", data=X, chunks=(64, 100))
    with h5py.File(folder / "x.h5", "w") as file:
        file["plain"] = X
        file["swapped"] = X.astype(">f8")
        file.create_dataset("packed", data=X, chunks=(50, 100), compression="gzip")
        file.create_virtual_dataset("virtual", h5py.VirtualLayout((3,), "f8"))
    np.savez(folder / "x.npz", x=X)
    (folder / "x.npy.raw").write_bytes(b"12345678" + X.astype(">f4").tobytes())
    (folder / "x.npy.gz").write_bytes(gzip.compress(b"x"))
    (folder / "empty").touch()
    (folder / "text").write_text("1,2")
    (folder / "short.npy").write_bytes((folder / "x.npy").read_bytes()[:-8])
    return folder


@pytest.fixture(scope="module")
def shared(folder: Path) -> Iterator[FileServer]:
    with serve(folder) as server:
        yield server


@pytest.fixture
def server(shared: FileServer) -> FileServer:
    shared.ranges.clear()
    shared.sent_bytes = 0
    return shared


def read(source: Any, region: Any) -> Any:
    out = np.empty(region_shape(region), source.header.dtype.newbyteorder("="))
    with source.open() as reader:
        reader.read(region, out)
        assert reader.view(region) is None
        reader.expect(region)
    return out


REGION = ((30, 170), (5, 250))


@pytest.mark.parametrize(
    "path", ["x.npy", "f.npy", "x.zarr", "group.zarr::a/b", "x.h5::plain", "x.h5::packed", "x.h5::swapped"]
)
def test_regions_of_every_format(server: FileServer, path: str) -> None:
    source = open_remote(server.url(path))
    again = pickle.loads(pickle.dumps(source))
    assert (again, hash(again), source.data_offset >= 0) == (source, hash(source), True)
    assert np.array_equal(read(again, REGION), X[as_slices(REGION)])
    assert np.array_equal(read(source.T, REGION[::-1]), X[as_slices(REGION)].T)
    assert read(source, ((3, 3), (0, 300))).shape == (0, 300)


def test_far_steps_are_asked_for_at_once(server: FileServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote_npy.RemoteNpyReader, "gap_bytes", 1000)
    monkeypatch.setattr(remote_npy, "GAP_BYTES", 1000)
    source = select_source(open_remote(server.url("x.npy")), "::10, 5:15")
    fetched = []
    fetch = remote_file.RemoteFile.fetch
    monkeypatch.setattr(remote_file.RemoteFile, "fetch", lambda file, r: (fetched.append(len(r)), fetch(file, r))[1])
    assert np.array_equal(read(source, ((0, 20), (0, 10))), X[::10, 5:15])
    assert fetched == [20]


def test_only_ranges_come(server: FileServer) -> None:
    source = open_remote(server.url("x.npy"))
    server.ranges.clear()
    server.sent_bytes = 0
    read(source, ((30, 40), (0, 300)))
    assert server.ranges == [(128 + 30 * 2400, 128 + 40 * 2400)]
    assert server.sent_bytes == 24_000


@given(
    st.sampled_from([(), (7,), (3, 5), (4, 3, 6), (0, 3)]).flatmap(
        lambda shape: st.tuples(st.just(shape), regions(shape))
    ),
    st.sampled_from(DTYPES),
    st.sampled_from(LAYOUTS),
    st.sampled_from("CF"),
    st.sampled_from([0, 3, 500]),
    st.sampled_from([16, 24, 500]),
)
def test_any_region_of_any_dtype(case: Any, dtype: Any, layout: str, order: Any, gap_bytes: int, limit: int) -> None:
    shape, region = case
    array = np.asarray(numbered(shape, dtype), order=order)
    with fsspec.open("memory://case.npy", "wb") as file:
        np.save(file, array)
    source = open_remote("memory://case.npy")
    out = empty_like_layout(layout, region_shape(region), dtype.newbyteorder("="))
    with pytest.MonkeyPatch.context() as patch, source.open() as reader:
        patch.setattr(remote_npy, "GAP_BYTES", gap_bytes)
        patch.setattr(remote_npy, "RANGE_BYTES", limit)
        patch.setattr(remote_npy, "BATCH_BYTES", 2 * limit)
        assert reader.read(region, out) >= out.nbytes
    assert same_bits(out, array[(*as_slices(region), ...)])


def test_a_job_reads_urls(server: FileServer) -> None:
    urls = [server.url("x.npy"), server.url("x.zarr")]
    assert run("sum", urls[0], axis=0).tolist() == X.sum(axis=0).tolist()
    assert np.array_equal(run("concatenate", urls, axis=1), np.concatenate([X, X], axis=1))
    assert run("sum", {"path": urls[0], "select": "::-50, 3"}) == X[::-50, 3].sum()
    assert np.array_equal(run("reshape", urls[0], shape=(300, -1)), X.reshape(300, -1))


@pytest.mark.parametrize("path", ["x.npy", "x.h5::packed"])
def test_a_server_without_ranges_is_refused(folder: Path, path: str) -> None:
    with serve(folder, has_ranges=False) as server:
        with pytest.raises(InputUnsupportedError, match="does not give parts of files") as caught:
            open_remote(server.url(path))
        assert caught.value.next == "download the file and name that"


def test_a_server_that_stops_giving_ranges_is_refused(server: FileServer, monkeypatch: pytest.MonkeyPatch) -> None:
    source = open_remote(server.url("x.npy"))
    monkeypatch.setattr(server, "has_ranges", False)
    with pytest.raises(InputUnsupportedError, match="gave more than the part"):
        read(source, REGION)


@pytest.mark.parametrize("statuses", [[503], [500, 429, 503]])
def test_what_fails_for_a_moment_is_asked_for_again(server: FileServer, statuses: list[int]) -> None:
    source = open_remote(server.url("x.npy"))
    server.failures[:] = statuses
    assert np.array_equal(read(source, REGION), X[as_slices(REGION)])
    assert server.failures == []


def test_what_fails_for_long_is_tried_again_later(server: FileServer) -> None:
    source = open_remote(server.url("x.npy"))
    server.failures[:] = [503] * 4
    with pytest.raises(InputFailedError, match="cannot be read") as caught:
        read(source, REGION)
    assert caught.value.is_transient


@pytest.mark.parametrize(
    ("status", "what"), [(403, "may not be read"), (401, "may not be read"), (404, "no such file")]
)
def test_what_is_not_allowed_is_not_asked_for_again(server: FileServer, status: int, what: str) -> None:
    source = open_remote(server.url("x.npy"))
    server.failures[:] = [status, 503]
    with pytest.raises(InputError, match=what):
        read(source, REGION)
    assert server.failures == [503]
    server.failures.clear()


def test_a_server_that_is_gone_may_come_back(folder: Path) -> None:
    with serve(folder) as server:
        source = open_remote(server.url("x.npy"))
    with pytest.raises(InputFailedError, match="cannot be read"):
        read(source, REGION)
    with pytest.raises(InputFailedError, match="cannot be read"):
        open_remote(server.url("x.npy"))


@pytest.mark.parametrize("path", ["x.npy", "x.zarr", "x.h5::packed"])
def test_a_file_that_changed_is_told_of(tmp_path: Path, path: str) -> None:
    def write(rows: int) -> None:
        np.save(tmp_path / "x.npy", X[:rows])
        zarr.create_array(tmp_path / "x.zarr", data=X[:rows], overwrite=True)
        with h5py.File(tmp_path / "x.h5", "w") as file:
            file.create_dataset("packed", data=X[:rows], chunks=(50, 100))

    write(200)
    with serve(tmp_path) as server:
        source = open_remote(server.url(path))
        write(100)
        with pytest.raises(InputChangedError, match="changed since the job was planned"):
            read(source, ((0, 10), (0, 10)))


def test_a_file_that_changes_while_it_is_read_is_told_of() -> None:
    def write(array: Any) -> None:
        with fsspec.open("memory://changing.npy", "wb") as file:
            np.save(file, array)

    write(X)
    source = open_remote("memory://changing.npy")

    def read_while_changing() -> None:
        with source.open() as reader:
            reader.read(((0, 10), (0, 300)), np.empty((10, 300)))
            write(X[:100])
            reader.read(((150, 160), (0, 300)), np.empty((10, 300)))

    with pytest.raises(InputChangedError, match="truncated at byte"):
        read_while_changing()
    write(X)
    source = open_remote("memory://changing.npy")
    with pytest.raises(InputChangedError, match="changed since"), source.open():
        write(X + 1)


@pytest.mark.parametrize(
    ("path", "kind", "match"),
    [
        ("no.npy", InputError, "no such file"),
        ("*.npy", InputUnsupportedError, "patterns stand for files of this machine"),
        ("no.zarr", InputError, "no such array"),
        ("x.npy::a", InputError, "holds one array"),
        ("x.h5", InputError, "4 arrays, and none is named"),
        ("x.h5::plane", InputError, "no such array"),
        ("x.h5::virtual", InputUnsupportedError, "lie in other files"),
        ("group.zarr::q", InputError, "no such array"),
        ("x.npz", InputUnsupportedError, "npz"),
        ("x.npy.gz", InputUnsupportedError, "gzip"),
        ("text", InputUnsupportedError, "no format"),
        ("empty", InputError, "is empty"),
        ("short.npy", InputError, "its size is not the one"),
    ],
)
def test_what_is_no_array_is_refused(server: FileServer, path: str, kind: Any, match: str) -> None:
    with pytest.raises(kind, match=match):
        open_remote(server.url(path))


@pytest.mark.parametrize(("url", "library"), [("s3://bucket/x.npy", "s3fs"), ("gs://bucket/x.npy", "gcsfs")])
def test_a_library_that_is_missing_is_named(url: str, library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(InputError, match="cannot be read") as caught:
        open_remote(url)
    assert library in caught.value.cause
    assert caught.value.next == "pip install 'arraymill[remote]'"


def test_raw_binary_is_read_where_its_dtype_is_stated(server: FileServer) -> None:
    entry = {"path": server.url("x.npy.raw"), "dtype": ">f4", "shape": [200, 300], "offset": 8}
    assert run("sum", entry, axis=0).tolist() == X.sum(axis=0).tolist()
    with pytest.raises(InputError, match="too large for its shape"):
        run("sum", {**entry, "shape": [20, 30]})
    with pytest.raises(SpecError, match=r"is a \.npy file, which says its own dtype"):
        run("sum", {**entry, "path": server.url("x.npy")})
    with pytest.raises(SpecError, match="says its own columns"):
        run("sum", {"path": server.url("x.zarr"), "columns": ["a"]})
    with pytest.raises(InputUnsupportedError, match="npz"):
        run("sum", {"path": server.url("x.npz"), "dtype": "u1"})


@pytest.mark.parametrize("url", ["ftp://host/x.npy", "simplecache::http://host/x.npy", "reference://x"])
def test_other_urls_are_refused(url: str) -> None:
    with pytest.raises(InputUnsupportedError, match="are not read"):
        open_remote(url)


def test_file_urls_are_files(folder: Path) -> None:
    assert open_remote(f"file://{folder}/x.npy").path == str(folder / "x.npy")  # type: ignore[attr-defined]
    assert open_remote(f"file://{folder}/x.h5::plain").header.shape == X.shape


def test_secrets_are_in_no_message(server: FileServer) -> None:
    source = open_remote(server.url("x.npy?token=SECRET", "me:SECRET@"))
    assert source.header.name == server.url("x.npy")
    assert np.array_equal(read(source, whole_region(X.shape)), X)
    assert "SECRET" not in repr(source)
    server.failures[:] = [500] * 4
    with pytest.raises(InputFailedError) as caught:
        read(source, REGION)
    assert "SECRET" not in str(caught.value)
    with pytest.raises(InputError) as other:
        open_remote(server.url("no.npy?token=SECRET", "me:SECRET@"))
    assert "SECRET" not in str(other.value)
    told = failed_error("x", OSError("https://u:SECRET@host/a?b=SECRET failed (url='s3://SECRET@b/c')"))
    assert "SECRET" not in str(told)
    assert public_name("s3://key:secret@bucket/a%20b?x=1#y") == "s3://bucket/a%20b"


def test_what_the_server_says_is_the_fingerprint(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", X)

    def opened() -> Any:
        source = open_remote(server.url("x.npy?token=SECRET"))
        return join_sources([source, select_source(source, "::2")])

    with serve(tmp_path) as server:
        old = fingerprint(opened())
        assert "SECRET" not in str(old.to_json())
        assert compare_fingerprints(old, fingerprint_again(old, opened())).is_same
        np.save(tmp_path / "x.npy", X + 1)
        assert not compare_fingerprints(old, fingerprint_again(old, opened())).is_same
