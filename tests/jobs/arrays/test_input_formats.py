from __future__ import annotations

import io
import os
import pickle
import socket
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from arraymill.jobs.arrays import NpySource, open_source
from arraymill.jobs.arrays.input_formats import INPUT_FORMATS, READ
from arraymill.jobs.errors import InputError, InputUnsupportedError, JobError, SpecError
from arraymill.jobs.spec.input import InputSpec


def npy_bytes(array: np.ndarray[Any, Any], **options: Any) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array(stream, array, **options)
    return stream.getvalue()


def header_of(text: str, *, version: int = 1, length: int | None = None) -> bytes:
    raw = text.encode("latin1") + b"\n"
    return b"\x93NUMPY" + bytes([version, 0]) + (length or len(raw)).to_bytes(2 if version == 1 else 4, "little") + raw


def fields(shape: str, *, descr: str = "'<f8'", order: str = "False") -> bytes:
    return header_of(f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}}}")


GOOD = npy_bytes(np.arange(6.0).reshape(2, 3))

BROKEN: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "is empty"),
    "junk": (b"\0\1\2junk", "is not a .npy file"),
    "text": (b"1.0, 2.0\n", "a text file"),
    "half a magic": (b"\x93NUM", "is not a .npy file"),
    "only the magic": (b"\x93NUMPY", "header is broken"),
    "version 9": (b"\x93NUMPY\x09\0" + GOOD[8:], "version 9.0 is not known"),
    "cut in the header": (GOOD[:40], "header is broken"),
    "cut in the data": (GOOD[:-1], "truncated"),
    "no data": (GOOD[:128], "truncated"),
    "a byte too many": (GOOD + b"\0", "bytes follow the array"),
    "two arrays": (GOOD + GOOD, "bytes follow the array"),
    "negative axis": (fields("(-1,)"), "negative"),
    "negative axes with a positive product": (fields("(-2, -3)") + bytes(48), "negative"),
    "huge axis": (fields(f"({2**63},)"), "overflows"),
    "huge axis beside a zero": (fields(f"(0, {2**70})"), "overflows"),
    "product that wraps to zero": (fields(f"({2**32}, {2**32})"), "overflows"),
    "absurd but legal": (fields(f"({2**50},)"), "truncated"),
    "too many axes": (fields("(1,) * 3"), "broken"),
    "65 axes": (fields(str((1,) * 65)) + bytes(8), "at most 64 axes"),
    "float axis": (fields("(2.0,)"), "shape is not valid"),
    "list shape": (fields("[2]"), "shape is not valid"),
    "order is text": (fields("(2,)", order="'no'"), "fortran_order"),
    "no such dtype": (fields("(2,)", descr="'<q9'"), "descr"),
    "dtype of a list of junk": (fields("(2,)", descr="[1, 2]"), "broken"),
    "dtype is a number": (fields("(2,)", descr="3"), "broken"),
    "missing key": (header_of("{'shape': (2,)}"), "correct keys"),
    "no dictionary": (header_of("[1, 2]"), "not a dictionary"),
    "code": (header_of("__import__('os').getpid()"), "broken"),
    "nul in the header": (header_of("{\0}"), "broken"),
    "deep header": (header_of("(" * 5000 + ")" * 4000), "broken"),
    "deep minus signs": (header_of("-" * 9000 + "1"), "broken"),
    "long header": (header_of("{" + " " * 20_000 + "}"), "header"),
    "claims 4 GiB of header": (header_of("{}", version=2, length=2**32 - 1), "header"),
    "unicode escape": (header_of("{'\\N{x}'}"), "broken"),
}

FOREIGN: dict[str, tuple[bytes, str]] = {
    "netcdf 3": (b"CDF\1" + bytes(100), "netCDF"),
    "pickle": (pickle.dumps([1, 2]), "pickle"),
    "gzip": (b"\x1f\x8b\x08", "gzip"),
    "csv": (b"a,b\n1,2\n", "text"),
}

UNSUPPORTED = {
    "object": (np.array([{}, None]), "pickled"),
    "structured": (np.zeros(2, [("mass", "f4"), ("t", "M8[s]")]), r"x\['mass'\]"),
    "datetime": (np.zeros(2, "M8[ns]"), r'view\("int64"\)'),
    "timedelta": (np.zeros(2, "m8[s]"), r'view\("int64"\)'),
    "text": (np.array(["ab", "c"]), "text"),
    "bytes": (np.array([b"ab", b"c"]), "raw bytes"),
    "void": (np.zeros(2, "V5"), "raw bytes"),
    "long double": (np.zeros(2, np.longdouble), "long double"),
    "complex long double": (np.zeros(2, np.clongdouble), "complex128"),
}


def refused(path: Path, message: str, kind: type[JobError] = InputError) -> JobError:
    with pytest.raises(kind, match=message) as caught:
        open_source(path)
    assert (caught.value.exit_code, str(path) in caught.value.what) == (3, True)
    assert caught.value.cause or caught.value.next
    return caught.value


@pytest.mark.parametrize("name", BROKEN)
def test_broken_files_are_refused(tmp_path: Path, name: str) -> None:
    content, message = BROKEN[name]
    path = tmp_path / "x.npy"
    path.write_bytes(content)
    refused(path, message)


@pytest.mark.parametrize("name", FOREIGN)
def test_other_formats_are_named(tmp_path: Path, name: str) -> None:
    content, message = FOREIGN[name]
    path = tmp_path / "x.npy"
    path.write_bytes(content)
    assert refused(path, message, InputUnsupportedError).cause == READ


@pytest.mark.parametrize("mark", ["zarr.json", ".zarray", ".zgroup"])
def test_folders_of_zarr_are_known_by_their_marks(tmp_path: Path, mark: str) -> None:
    (tmp_path / mark).touch()
    refused(tmp_path, "the Zarr store is broken")


def test_an_array_has_no_arrays_inside(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.arange(3))
    refused(tmp_path / "x.npy::a", "holds one array, without a name")


def test_what_a_file_says_is_not_stated_of_it(tmp_path: Path) -> None:
    path = str(tmp_path / "x.npy")
    np.save(path, np.arange(3))
    with pytest.raises(SpecError, match=r"is a \.npy file, which says its own dtype") as caught:
        open_source(path, InputSpec(path=path, dtype="f4", offset=3))
    assert caught.value.next == "leave dtype and offset out"


@pytest.mark.parametrize("name", UNSUPPORTED)
def test_dtypes_that_are_no_numbers_are_refused_with_a_way_out(tmp_path: Path, name: str) -> None:
    array, message = UNSUPPORTED[name]
    path = tmp_path / "x.npy"
    path.write_bytes(npy_bytes(array, allow_pickle=True))
    refused(path, message, InputUnsupportedError)


def test_a_truncated_file_names_both_sizes(tmp_path: Path) -> None:
    path = tmp_path / "x.npy"
    path.write_bytes(GOOD[:-8])
    cause = refused(path, "truncated").cause
    assert ("168 bytes on disk" in cause, "176 by the header" in cause, "8 missing" in cause) == (True, True, True)


def test_what_is_not_a_file_is_refused(tmp_path: Path) -> None:
    refused(tmp_path, "a directory")
    refused(tmp_path / "none.npy", "No such file")
    refused(Path("/dev/zero"), "a device")
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    refused(fifo, "a FIFO")
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    refused(loop, "symbolic links")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s"))
        refused(tmp_path / "s", "a socket")


@pytest.mark.parametrize("name", ["a\0b", "x" * 300, ""])
def test_impossible_names_are_refused(name: str) -> None:
    with pytest.raises(InputError):
        open_source(name)


def test_a_file_without_permission_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.npy"
    path.write_bytes(GOOD)

    def denied(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", denied)
    assert "chmod" in refused(path, "Permission denied").next


def test_pickles_are_never_loaded(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[Any, ...]:
            return (Path(tmp_path / "sprung").touch, ())

    (tmp_path / "x.npy").write_bytes(npy_bytes(np.array([Trap()]), allow_pickle=True))
    (tmp_path / "x.pkl").write_bytes(pickle.dumps(Trap()))
    refused(tmp_path / "x.npy", "pickled")
    refused(tmp_path / "x.pkl", "pickle")
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_every_version_of_the_format_is_read(tmp_path: Path, version: tuple[int, int]) -> None:
    path = tmp_path / "x.npy"
    path.write_bytes(npy_bytes(np.arange(4.0), version=version))
    assert open_source(path).header.shape == (4,)


def test_headers_of_python_2_are_read_without_a_warning(tmp_path: Path) -> None:
    path = tmp_path / "x.npy"
    path.write_bytes(fields("(2L,)") + bytes(16))
    assert open_source(path).header.shape == (2,)


def test_the_name_says_nothing(tmp_path: Path) -> None:
    path = tmp_path / "x.dat"
    path.write_bytes(GOOD)
    assert isinstance(open_source(path), NpySource)


@given(st.binary(max_size=300) | st.tuples(st.binary(max_size=200)).map(lambda parts: b"\x93NUMPY\1\0" + parts[0]))
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_random_files_raise_only_our_errors(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.npy"
    path.write_bytes(content)
    with pytest.raises(InputError):
        open_source(path)


@given(st.integers(0, 127), st.integers(0, 255), st.booleans())
@settings(max_examples=500, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_a_flipped_header_byte_is_refused_or_read_as_numpy_does(
    tmp_path: Path, position: int, value: int, cut: bool
) -> None:
    path = tmp_path / "x.npy"
    path.write_bytes(GOOD[:position] + bytes([value]) + GOOD[position + 1 : 150 if cut else None])
    try:
        source = open_source(path)
    except InputError:
        return
    expected = np.load(path)
    assert (expected.shape, expected.dtype) == (source.header.shape, source.header.dtype)


HEADER_TEXT = st.text("{}()[],:'\"0123456789 -<>|=fiubcSUVOMLTrueFalse\\#\n", max_size=60)


@given(
    HEADER_TEXT
    | st.builds(lambda d, s: f"{{'descr': {d}, 'fortran_order': False, 'shape': {s}}}", HEADER_TEXT, HEADER_TEXT)
)
@settings(max_examples=500, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_random_headers_raise_only_our_errors(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.npy"
    path.write_bytes(header_of(text))
    try:
        open_source(path)
    except InputError:
        return


def test_no_two_formats_begin_alike() -> None:
    magics = [magic for known in INPUT_FORMATS for magic in known.magics]
    assert len(set(magics)) == len(magics)
    assert [len(known.starts) for known in INPUT_FORMATS if known.name == "an HDF5 file"] == [4]
