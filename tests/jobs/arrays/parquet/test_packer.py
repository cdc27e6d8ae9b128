from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as parquet
import pytest

import arraymill.jobs.arrays.packed.packing as packing
from arraymill.jobs.arrays import OutputOptions, create_output, load_output
from arraymill.jobs.errors import OutputError
from arraymill.jobs.headers import ArrayHeader

ARRAY = np.random.default_rng(5).standard_normal((50, 3)).astype(">f4")


def write(path: Path, array: Any = ARRAY, **options: Any) -> None:
    kind: Any = (array.shape, array.dtype, "F")
    with create_output(path, *kind, replace=False, inputs=(), options=OutputOptions(**options)) as output:
        with output.target.open() as writer:
            writer.write(tuple((0, n) for n in array.shape), array)
        output.publish()


@pytest.mark.parametrize("compression", [None, "none", "gzip", "zstd", "snappy"])
def test_columns_are_numbers_without_nulls_in_row_groups(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, compression: str | None
) -> None:
    monkeypatch.setattr(packing.row_pieces, "__kwdefaults__", {"n_bytes": 20 * 3 * 4})
    write(tmp_path / "y.parquet", columns=("a", "b", "c"), compression=compression)
    with parquet.ParquetFile(tmp_path / "y.parquet") as file:
        metadata, schema = file.metadata, file.schema_arrow
    assert ([field.name for field in schema], {field.nullable for field in schema}) == (["a", "b", "c"], {False})
    assert ({str(field.type) for field in schema}, metadata.num_row_groups) == ({"float"}, 3)
    found = {metadata.row_group(0).column(0).compression}
    assert found == {"UNCOMPRESSED" if compression in (None, "none") else str(compression).upper()}
    loaded = load_output(tmp_path / "y.parquet", ArrayHeader("y.parquet", (50, 3), ARRAY.dtype))
    assert np.array_equal(loaded, ARRAY)


@pytest.mark.parametrize(
    ("array", "options"),
    [
        (np.ones((2, 2), complex), {}),
        (np.ones((2, 2, 2)), {}),
        (np.ones((2, 0)), {}),
        (np.ones((1, 10_001)), {}),
        (np.ones((2, 2)), {"columns": ("a", "a")}),
        (np.ones((2, 2)), {"columns": ("a",)}),
        (np.ones((2, 2)), {"chunks": (1, 2)}),
    ],
)
def test_what_the_format_has_not_is_refused(tmp_path: Path, array: Any, options: dict[str, Any]) -> None:
    with pytest.raises(OutputError) as caught:
        write(tmp_path / "y.parquet", array, **options)
    assert (bool(caught.value.next), list(tmp_path.iterdir())) == (True, [])


def test_without_pyarrow_the_way_out_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(OutputError) as caught:
        write(tmp_path / "y.parquet")
    assert caught.value.next == "pip install 'arraymill[parquet]'"
