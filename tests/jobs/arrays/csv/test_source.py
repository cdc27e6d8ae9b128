from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import arraymill.jobs.arrays.csv.layout as csv_layout
from arraymill.jobs.arrays import OutputOptions, create_output, open_source
from arraymill.jobs.arrays.forward import forward_regions
from arraymill.jobs.blocks import as_slices, region_shape
from arraymill.jobs.errors import InputChangedError, InputError, InputUnsupportedError
from arraymill.jobs.spec.job_spec import InputSpec


def read(path: Path, limit_bytes: int = 1 << 20, **said: Any) -> NDArray[Any]:
    source = open_source(path, InputSpec(path=str(path), **said))
    header = source.header
    array = np.empty(header.shape, header.dtype)
    with source.open() as reader:
        for region in forward_regions(header, limit_bytes):
            block = np.empty(region_shape(region), header.dtype)
            reader.read(region, block)
            array[as_slices(region)] = block
    return array


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "x.csv"


TABLE = np.array([[1.0, 2.5], [-3.0, 1e300]])

SAME: dict[str, tuple[bytes, dict[str, Any]]] = {
    "commas": (b"1,2.5\n-3,1e300\n", {}),
    "no last newline": (b"1,2.5\n-3,1e300", {}),
    "names": (b"a,b\n1,2.5\n-3,1e300\n", {}),
    "quoted names": (b'"the, a",b\n1,2.5\n-3,1e300\n', {}),
    "a byte order mark": (b"\xef\xbb\xbf1,2.5\n-3,1e300\n", {}),
    "names in UTF-8": ("größe,b\n1,2.5\n-3,1e300\n".encode(), {}),
    "windows": (b"a,b\r\n1,2.5\r\n-3,1e300\r\n", {}),
    "old macs": (b"a,b\r1,2.5\r-3,1e300\r", {}),
    "empty lines": (b"\n\na,b\n\n1,2.5\n  \n-3,1e300\n\n", {}),
    "blanks": (b"1 , 2.5\n -3,1e300 \n", {}),
    "semicolons": (b"1;2.5\n-3;1e300\n", {}),
    "tabs": (b"1\t2.5\n-3\t1e300\n", {}),
    "columns of blanks": (b"  1   2.5\n-3 \t 1e300\n", {}),
    "quoted numbers": (b'"1","2.5"\n"-3","1e300"\n', {}),
    "stated delimiter": (b"1|2.5\n-3|1e300\n", {"delimiter": "|"}),
    "comments": (b"# made today\n1,2.5 # first\n-3,1e300\n#end\n", {"comments": "#"}),
    "savetxt": (b"# made, today\n1 2.5 # first\n-3 1e300\n#end\n", {}),
    "names that are numbers": (b"1990,1991\n1,2.5\n-3,1e300\n", {"header": True}),
    "chosen columns": (b"n,a,b,t\nx,2.5,1,9\ny,1e300,-3,8\n", {"columns": ("b", "a")}),
    "integers with zeros in front": (b"0" * 5000 + b"1,2.5\n-03,1e300\n", {}),
    "columns by number": (b"x,2.5,1,9\ny,1e300,-3,8\n", {"columns": (-2, 1), "header": False}),
}


@pytest.mark.parametrize("block_bytes", [7, 1 << 20])
@pytest.mark.parametrize("kind", SAME)
def test_a_table_is_read_however_it_is_written(
    path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, block_bytes: int
) -> None:
    monkeypatch.setattr(csv_layout, "BLOCK_BYTES", block_bytes)
    content, said = SAME[kind]
    path.write_bytes(content)
    for limit_bytes in (8, 1 << 20):
        assert np.array_equal(read(path, limit_bytes, **said), TABLE)


def test_missing_values_are_nan_and_one_column_is_a_vector(path: Path) -> None:
    path.write_bytes(b"a,b\n1,\nNA,nan\n,inf\n")
    np.testing.assert_array_equal(read(path), [[1, np.nan], [np.nan, np.nan], [np.nan, np.inf]])
    np.testing.assert_array_equal(read(path, columns=(0,)), [1, np.nan, np.nan])
    path.write_bytes(b"a,b\n")
    assert read(path).shape == (0, 2)
    path.write_bytes(b"a,b\nNAN,+nan\nNa,-NaN\n#N/A,NULL\n")
    assert np.isnan(read(path)).all()
    tabs = path.with_name("x.tsv")
    tabs.write_bytes(b"1\t2\n\t\n3\t4\n")
    np.testing.assert_array_equal(read(tabs), [[1, 2], [np.nan, np.nan], [3, 4]])


@pytest.mark.parametrize("dtype", ["?", "i1", "u2", "i8", "u8", "f2", "f4", "f8"])
def test_what_is_written_reads_back_bit_by_bit(path: Path, dtype: str) -> None:
    rng = np.random.default_rng(1)
    raw = rng.integers(0, 256, 400 * np.dtype(dtype).itemsize, dtype=np.uint8)
    array = np.nan_to_num((raw % 2 if dtype == "?" else raw).view(dtype)).reshape(100, 4)
    kind: Any = (array.shape, array.dtype, "C")
    with create_output(path, *kind, replace=False, inputs=(), options=OutputOptions(columns=tuple("abcd"))) as output:
        with output.target.open() as writer:
            writer.write(((0, 100), (0, 4)), array)
        output.publish()
    assert read(path, dtype=dtype).tobytes() == array.tobytes()


WRONG: dict[str, tuple[bytes, dict[str, Any], str]] = {
    "a word": (b"a,b\n1,2\n3,x4\n", {}, r"line 3, column 1, 'b' .from 0.: 'x4' is no number"),
    "an underscore": (b"1,2\n3,1_000\n", {}, r"line 2, column 1 .from 0.: '1_000' is no number"),
    "too few cells": (b"1,2\n\n3\n", {}, "line 3 has 1 cells, and the first line has 2"),
    "too many cells": (b"1,2\n3,4,5\n", {}, "line 2 has 3 cells"),
    "too many and too few": (b"1,2\n3,4,5\n6\n", {}, "line 2 has 3 cells"),
    "names of other columns": (b"a,b,c\n1,2\n", {}, "line 2 has 2 cells"),
    "a float among integers": (b"1,2\n3,4.5\n", {"dtype": "int64"}, r"line 2, column 1 .from 0.: '4.5' is no int64"),
    "nothing among integers": (b"1,2\n3,\n", {"dtype": "int64"}, "line 2, column 1 .from 0.: '' is no int64"),
    "an integer too large": (b"1,2\n300,4\n", {"dtype": "int8"}, "line 2, column 0 .from 0.: '300' is no int8"),
    "an integer far too large": (b"1\n99999999999999999999\n", {"dtype": "i8"}, "line 2, column 0"),
    "a negative one": (b"1,2\n-3,4\n", {"dtype": "uint8"}, "line 2, column 0 .from 0.: '-3' is no uint8"),
    "two for a bool": (b"1,0\n2,0\n", {"dtype": "bool"}, "line 2, column 0 .from 0.: '2' is no bool"),
    "an integer that is no float": (b"1\n9007199254740993\n", {}, "line 2, column 0 .from 0.: .* state dtype int64"),
    "a zero byte": (b"1,2\n" * 1100 + b"3,\0\n", {}, "line 1101 holds a byte that is no text"),
    "an open quote": (b'1,2\n"3,4\n', {}, "line 2"),
    "a float too large": (b"1,2\n3,1e39\n", {"dtype": "float32"}, "line 2, column 1 .from 0.: '1e39' is no float32"),
    "other digits": (b"1,2\n3,\xd9\xa1\n", {}, "line 2, column 1"),
    "another blank": ("1,2\n3,4\u00a0\n".encode(), {}, "line 2, column 1"),
    "a float beyond float64": (b"1,2\n3,-1e400\n", {}, r"line 2, column 1 .from 0.: '-1e400' is no float64"),
    "an integer of 400 digits": (b"1,2\n3," + b"4" * 400, {}, "line 2, column 1"),
    "an integer of 5000 digits": (b"1,2\n3," + b"4" * 5000, {}, "line 2, column 1"),
    "a cell of 200 KB": (b"1,2\n3," + b"4" * 200_000, {}, "line 2, column 1"),
}


@pytest.mark.parametrize("block_bytes", [7, 1 << 20])
@pytest.mark.parametrize("kind", WRONG)
def test_what_is_no_table_of_numbers_is_named_by_line_and_column(
    path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, block_bytes: int
) -> None:
    monkeypatch.setattr(csv_layout, "BLOCK_BYTES", block_bytes)
    content, said, message = WRONG[kind]
    path.write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        read(path, **said)
    assert (caught.value.exit_code, str(path) in caught.value.what, bool(caught.value.next)) == (3, True, True)


@pytest.mark.parametrize(
    ("content", "said", "message"),
    [
        (b"", {}, "is empty"),
        (b"\n  \n", {}, "is empty"),
        (b"\xff\xfe1\0,\x002\0", {}, "not a .npy file"),
        (b"\xff,1\n", {}, "UTF-8"),
        (b"x" * 200_000 + b",1\n", {}, "names or numbers"),
        (b"a,b\n1,2\n", {"columns": ("c",)}, "no column 'c'"),
        (b"1,2\n", {"columns": (2,)}, "no column 2"),
        (b"1,2\n", {"dtype": "complex64"}, "complex"),
    ],
)
def test_what_cannot_be_read_is_refused_at_once(path: Path, content: bytes, said: dict[str, Any], message: str) -> None:
    path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        open_source(path, InputSpec(path=str(path), **said))
    path.write_bytes(b"1,2\n")
    with pytest.raises(InputError, match="without a name"):
        open_source(f"{path}::a")


def test_integers_above_64_bits_and_complex_are_no_dtype(path: Path) -> None:
    path.write_bytes(b"1,2\n")
    with pytest.raises(InputUnsupportedError):
        open_source(path, InputSpec(path=str(path), dtype="c16"))


def test_a_file_that_changes_is_told(path: Path) -> None:
    path.write_bytes(b"1,2\n3,4\n")
    source = open_source(path)
    path.write_bytes(b"1,2\n")
    with pytest.raises(InputChangedError), source.open():
        pass
    source = open_source(path)
    with pytest.raises(InputChangedError), source.open():
        os.utime(path, ns=(1, 1))


@given(st.lists(st.lists(st.floats(), min_size=3, max_size=3), min_size=1, max_size=20), st.sampled_from(",;\t| "))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_floats_are_read_as_they_were_written(path: Path, rows: list[list[float]], delimiter: str) -> None:
    path.write_text("\n".join(delimiter.join(map(repr, row)) for row in rows))
    expected = np.array(rows)
    found = read(path)
    np.testing.assert_array_equal(found, expected)
    assert (np.signbit(found) == np.signbit(expected))[~np.isnan(expected)].all()


@given(st.binary(max_size=60))
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_raise_only_our_errors(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    try:
        read(path)
    except InputError:
        return
