from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

from arraymill.jobs.arrays import Source, open_source
from arraymill.jobs.errors import InputError, InputUnsupportedError

X = np.arange(600.0).reshape(20, 30)


@pytest.fixture(params=[2, 3])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    group = zarr.open_group(tmp_path / "x.zarr", mode="w", zarr_format=request.param)
    group.create_array("deep/images", shape=X.shape, chunks=(7, 4), dtype=">f8")[...] = X
    group.create_array("scalar", shape=(), dtype="i4")[...] = 5
    group.create_array("sparse", shape=(10,), chunks=(3,), dtype="i4", fill_value=7)[4] = 9
    return tmp_path / "x.zarr"


def whole(source: Source) -> np.ndarray[Any, Any]:
    out = np.empty(source.header.shape, source.header.dtype)
    with source.open() as reader:
        reader.read(tuple((0, n) for n in out.shape), out)
    return out


def refused(path: Any, said: str, kind: type[InputError] = InputError) -> InputError:
    with pytest.raises(kind, match=said) as caught:
        open_source(path)
    assert (caught.value.exit_code, str(path) in caught.value.what) == (3, True)
    return caught.value


@pytest.mark.parametrize("name", ["::deep/images", "::/deep/images/", "::deep", "/deep/images", "/deep"])
def test_an_array_in_a_group_has_several_names(path: Path, name: str) -> None:
    assert whole(open_source(f"{path}{name}")).tolist() == X.tolist()


def test_what_was_not_written_is_the_fill_value(path: Path) -> None:
    assert whole(open_source(f"{path}::sparse")).tolist() == [7, 7, 7, 7, 9, 7, 7, 7, 7, 7]
    assert whole(open_source(f"{path}::scalar")) == 5


def test_of_several_arrays_one_must_be_named(path: Path) -> None:
    assert "deep/images" in refused(path, "is a Zarr store of 3 arrays, and none is named").cause
    assert f"{path}::sparse" in refused(f"{path}::spare", "there is no such array").next
    refused(f"{path}::../x.zarr/sparse", "there is no such array")
    refused(f"{path}/sparse::a", "there is no such array")


def test_a_group_without_arrays_is_refused(tmp_path: Path) -> None:
    zarr.open_group(tmp_path / "x", mode="w")
    refused(tmp_path / "x", "holds no array")


def test_a_store_in_a_zip_file_is_read(tmp_path: Path) -> None:
    with zarr.storage.ZipStore(tmp_path / "x.zip", mode="w") as store:
        zarr.create_array(store, name="a/b", data=X)
    for name in ("", "::a", "::a/b"):
        source = open_source(f"{tmp_path}/x.zip{name}")
        assert whole(source).tolist() == X.tolist()
        assert source.files == (str(tmp_path / "x.zip"),)  # type: ignore[attr-defined]


def test_other_files_in_a_store_are_no_matter(path: Path) -> None:
    (path / "notes.txt").write_text("mine")
    assert open_source(f"{path}::deep").header.shape == (20, 30)


@pytest.mark.parametrize("dtype", ["U4", [("a", "f4")], "M8[s]"])
@pytest.mark.filterwarnings("ignore::zarr.errors.UnstableSpecificationWarning")
def test_what_is_no_numbers_is_refused(tmp_path: Path, dtype: Any) -> None:
    zarr.create_array(tmp_path / "x", shape=(3,), dtype=np.dtype(dtype), zarr_format=2)
    refused(tmp_path / "x", "not worked on", InputUnsupportedError)


@pytest.mark.parametrize(
    "changes",
    [
        {"codecs": [{"name": "none such"}]},
        {"data_type": "bfloat16"},
        {"shape": [-1, 3]},
        {"shape": None},
        {"chunk_grid": {}},
        {"node_type": "tree"},
        {"zarr_format": 4},
        {"chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [0, 5]}}},
        {"chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [-1, 5]}}},
        {"chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [5]}}},
        {"storage_transformers": [{"name": "none such"}]},
        {"fill_value": "x"},
        {"new": {"must_understand": True}},
    ],
    ids=str,
)
def test_broken_descriptions_are_refused(tmp_path: Path, changes: dict[str, Any]) -> None:
    zarr.create_array(tmp_path / "x", data=X)
    description = json.loads((tmp_path / "x" / "zarr.json").read_bytes())
    (tmp_path / "x" / "zarr.json").write_text(json.dumps(description | changes))
    refused(tmp_path / "x", "Zarr store is broken|no array")


@pytest.mark.parametrize(
    ("shape", "said"), [([2**62, 16], "63 bits"), ([1] * 65, "at most 64 axes"), ([0, 2**63], "63 bits")]
)
def test_impossible_shapes_are_refused(tmp_path: Path, shape: list[int], said: str) -> None:
    zarr.create_array(tmp_path / "x", data=X)
    description = json.loads((tmp_path / "x" / "zarr.json").read_bytes())
    grid = {"name": "regular", "configuration": {"chunk_shape": [1] * len(shape)}}
    (tmp_path / "x" / "zarr.json").write_text(json.dumps(description | {"shape": shape, "chunk_grid": grid}))
    assert said in refused(tmp_path / "x", "impossible shape").cause


@pytest.mark.parametrize("content", ["", "{", "[]", "3", "null", '{"zarr_format": 3}'])
def test_descriptions_that_are_none_are_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "zarr.json").write_text(content)
    refused(tmp_path, "Zarr store is broken|no array")
