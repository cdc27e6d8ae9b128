from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from array_layouts import empty_like_layout, regions, same_bits
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import arraymill.jobs.arrays.parquet.source as parquet_source
from arraymill.jobs.arrays import open_source
from arraymill.jobs.arrays.forward import forward_regions
from arraymill.jobs.blocks import as_slices, region_shape, whole_region
from arraymill.jobs.errors import InputChangedError, InputError, InputUnsupportedError, SpecError
from arraymill.jobs.spec.job_spec import InputSpec

RNG = np.random.default_rng(4)
TABLE = RNG.standard_normal((37, 3))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "x.parquet"


def save(path: Path, columns: dict[str, Any], **options: Any) -> None:
    parquet.write_table(pa.table(columns), path, **options)


def read(path: Path, **said: Any) -> Any:
    source = open_source(path, InputSpec(path=str(path), **said))
    array = np.empty(source.header.shape, source.header.dtype)
    with source.open() as reader:
        reader.read(whole_region(source.header.shape), array)
    return array


@given(st.data())
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_region_is_read(path: Path, data: st.DataObject) -> None:
    save(path, {name: TABLE[:, number] for number, name in enumerate("abc")}, row_group_size=10)
    source, array = open_source(path), TABLE
    assert (source.header.shape, source.header.dtype) == (TABLE.shape, TABLE.dtype)
    if data.draw(st.booleans()):
        source, array = source.T, array.T
    with source.open() as reader:
        for region in data.draw(st.lists(regions(array.shape), min_size=1, max_size=5)):
            layout = data.draw(st.sampled_from(["C", "F", "reversed"]))
            out = empty_like_layout(layout, region_shape(region), array.dtype)
            reader.read(region, out)
            assert same_bits(array[as_slices(region)], out)
            assert reader.view(region) is None


@pytest.mark.parametrize("limit_bytes", [8, 100, 10**6])
@pytest.mark.parametrize("is_turned", [False, True])
def test_large_row_groups_are_read_front_to_back(
    path: Path, monkeypatch: pytest.MonkeyPatch, limit_bytes: int, is_turned: bool
) -> None:
    monkeypatch.setattr(parquet_source, "LARGEST_GROUP_BYTES", 100)
    monkeypatch.setattr(parquet_source, "BATCH_BYTES", 70)
    save(path, {name: TABLE[:, number] for number, name in enumerate("abc")}, row_group_size=20)
    source: Any = open_source(path)
    assert source.is_streamed
    source, array = (source.T, TABLE.T) if is_turned else (source, TABLE)
    found = np.empty(array.shape)
    with source.open() as reader:
        for region in forward_regions(source.header, limit_bytes):
            reader.read(region, found[as_slices(region)])
    assert same_bits(array, found)


@pytest.mark.parametrize(
    ("dtypes", "common"),
    [
        (["?"], "?"),
        (["i1", "u1"], "i2"),
        (["i4", "f4"], "f8"),
        (["f2", "f4"], "f4"),
        (["i8", "u8"], "f8"),
        (["u4", "i4"], "i8"),
        (["f2"], "f2"),
        (["?", "u1"], "u1"),
    ],
)
def test_columns_have_numpys_common_dtype(path: Path, dtypes: list[str], common: str) -> None:
    columns = {code: RNG.integers(0, 2, 5).astype(code) for code in dtypes}
    save(path, columns)
    found, expected = read(path), np.column_stack(list(columns.values()))
    assert (found.dtype, found.shape) == (np.dtype(common), (5,) if len(dtypes) == 1 else (5, len(dtypes)))
    np.testing.assert_array_equal(found.reshape(5, -1), expected)


def test_missing_values_are_nan_where_there_is_one(path: Path) -> None:
    save(path, {"a": pa.array([1.5, None, 2.5]), "b": pa.array([1, 2, None]), "c": pa.array([True, None, False])})
    np.testing.assert_array_equal(read(path), [[1.5, 1, 1], [np.nan, 2, np.nan], [2.5, np.nan, 0]])
    for statistics in (True, False):
        save(path, {"a": pa.array([1, None])}, write_statistics=statistics)
        with pytest.raises(InputError, match="missing in column 'a'") as caught:
            read(path)
        assert "float64" in caught.value.next


def test_columns_are_chosen_by_name_or_number(path: Path) -> None:
    save(path, {"t": ["x", "y"], "a": [1, 2], "b": [3.5, 4.5]})
    np.testing.assert_array_equal(read(path, columns=("b", "a")), [[3.5, 1], [4.5, 2]])
    np.testing.assert_array_equal(read(path, columns=(-2,)), [1, 2])
    assert read(path, columns=(1,)).dtype == np.int64
    with pytest.raises(InputUnsupportedError, match="column 't' holds no numbers") as caught:
        read(path)
    assert caught.value.next.endswith("a, b")
    for wrong in ("c", 3):
        with pytest.raises(InputError, match="there is no column"):
            read(path, columns=(wrong,))


@pytest.mark.parametrize("kind", [pa.date32(), pa.decimal128(5, 2), pa.list_(pa.int8()), pa.string(), pa.duration("s")])
def test_what_is_no_number_is_refused(path: Path, kind: Any) -> None:
    save(path, {"a": pa.array([None, None], kind)})
    with pytest.raises(InputUnsupportedError, match="holds no numbers"):
        read(path)


def test_a_table_without_rows_is_read(path: Path) -> None:
    save(path, {"a": np.empty(0), "b": np.empty(0)})
    assert read(path).shape == (0, 2)


def test_broken_files_are_told_of(path: Path) -> None:
    save(path, {"a": np.arange(1000.0)}, compression="zstd")
    content = path.read_bytes()
    zeros_inside = content[:200] + bytes(300) + content[500:]
    for damaged in (content[:-5], content[:4], content[: len(content) // 2], zeros_inside):
        path.write_bytes(damaged)
        with pytest.raises(InputError) as caught:
            read(path)
        assert str(path) in caught.value.what
    path.write_bytes(content)
    for name, said in ((f"{path}::a", {}), (str(path), {"delimiter": ","}), (str(path), {"dtype": "f4"})):
        with pytest.raises((InputError, SpecError)):
            open_source(name, InputSpec(path=name, **said))


def test_a_file_that_changes_is_told(path: Path) -> None:
    save(path, {"a": np.arange(3)})
    source = open_source(path)
    os.utime(path, ns=(1, 1))
    with pytest.raises(InputChangedError), source.open():
        pass


def test_without_pyarrow_the_way_out_is_said(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(path, {"a": np.arange(3)})
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(InputUnsupportedError) as caught:
        open_source(path)
    assert caught.value.next == "pip install 'arraymill[parquet]'"


LARGE = 2**53 + 1


@pytest.mark.parametrize(
    "columns",
    [
        {"a": [LARGE, 2], "b": [0.5, 1]},
        {"a": [LARGE, None], "b": [0.5, 1]},
        {"a": [-LARGE, 2], "b": pa.array([1, 2], pa.uint64())},
        {"a": [1, 2], "b": pa.array([1, 2**64 - 1], pa.uint64())},
        {"a": [2**63 - 1, 2], "b": [0.5, 1]},
    ],
    ids=str,
)
def test_integers_that_no_float_is_are_refused(path: Path, columns: dict[str, Any]) -> None:
    save(path, columns)
    with pytest.raises(InputError, match=r"holds an integer that no float64 is") as caught:
        read(path)
    assert (caught.value.exit_code, caught.value.next) == (3, "choose the columns of integers by themselves: columns")


def test_large_integers_that_are_floats_are_read(path: Path) -> None:
    save(path, {"a": [2**60, -(2**63), None], "b": pa.array([2**63, 1, 2], pa.uint64()), "c": [0.5, 1, 2]})
    np.testing.assert_array_equal(read(path), [[2.0**60, 2.0**63, 0.5], [-(2.0**63), 1, 1], [np.nan, 2, 2]])


@pytest.mark.parametrize("index", [["x", "y"], [7, 9], None], ids=str)
def test_the_index_that_pandas_writes_is_no_column(path: Path, index: Any) -> None:
    pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0]}, index=index).to_parquet(path)
    assert read(path).tolist() == [[1, 3], [2, 4]]
    if index == [7, 9]:
        assert read(path, columns=("__index_level_0__", "a")).tolist() == [[7, 1], [9, 2]]


@pytest.mark.parametrize("compression", ["none", "snappy", "gzip", "brotli", "zstd", "lz4"])
def test_every_compression_and_encoding_is_read(path: Path, compression: str) -> None:
    array = np.random.default_rng(0).integers(0, 100, (101, 3))
    for dtype in ("?", "i1", "<u4", "<i8", "f4", "<f8"):
        columns = {name: array[:, number].astype(dtype) for number, name in enumerate("abc")}
        for options in ({}, {"row_group_size": 7}, {"data_page_version": "2.0"}, {"use_dictionary": False}):
            save(path, columns, compression=compression, write_statistics=False, **options)
            assert same_bits(array.astype(dtype), read(path))
