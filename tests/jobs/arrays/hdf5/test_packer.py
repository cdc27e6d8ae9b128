from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from arraymill.jobs.arrays import OutputOptions, create_output
from arraymill.jobs.errors import OutputError

ARRAY = np.random.default_rng(5).standard_normal((50, 40))


def write(path: str, **options: Any) -> None:
    kind: Any = (ARRAY.shape, ARRAY.dtype, "C")
    with create_output(path, *kind, replace=False, inputs=(), options=OutputOptions(**options)) as output:
        with output.target.open() as writer:
            writer.write(((0, 50), (0, 40)), ARRAY)
        output.publish()


@pytest.mark.parametrize(
    ("options", "chunks", "compression"),
    [
        ({}, None, None),
        ({"chunks": (7, 9)}, (7, 9), None),
        ({"chunks": (100, 9)}, (50, 9), None),
        ({"chunks": (1, 1)}, (1, 1), None),
        ({"compression": "gzip"}, (50, 40), "gzip"),
        ({"compression": "gzip", "chunks": (10, 40)}, (10, 40), "gzip"),
    ],
)
def test_a_dataset_is_chunked_only_if_asked(
    tmp_path: Path, options: dict[str, Any], chunks: Any, compression: str | None
) -> None:
    write(f"{tmp_path}/y.h5::scans/first", **options)
    with h5py.File(tmp_path / "y.h5") as file:
        dataset = file["scans/first"]
        assert (dataset.chunks, dataset.compression, list(file)) == (chunks, compression, ["scans"])
        assert np.array_equal(dataset[...], ARRAY)


def test_elements_lie_on_a_page_and_can_be_mapped(tmp_path: Path) -> None:
    write(f"{tmp_path}/y.hdf5")
    with h5py.File(tmp_path / "y.hdf5") as file:
        offset = file["data"].id.get_offset()
    assert offset % 4096 == 0
    assert np.array_equal(np.memmap(tmp_path / "y.hdf5", "<f8", "r", offset, ARRAY.shape), ARRAY)


def test_a_file_can_be_extended_afterwards(tmp_path: Path) -> None:
    write(f"{tmp_path}/y.h5")
    with h5py.File(tmp_path / "y.h5", "r+") as file:
        file["more"] = np.arange(3)
    with h5py.File(tmp_path / "y.h5") as file:
        assert np.array_equal(file["data"][...], ARRAY)
        assert file["more"][2] == 2


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("y.h5::a//b", {}),
        ("y.h5::a/../b", {}),
        ("y.h5", {"compression": "zstd"}),
        ("y.h5", {"chunks": (5,)}),
        ("y.h5", {"chunks": (0, 5)}),
        ("y.h5", {"columns": ("a",)}),
    ],
)
def test_what_the_format_has_not_is_refused(tmp_path: Path, name: str, options: dict[str, Any]) -> None:
    with pytest.raises(OutputError):
        write(f"{tmp_path}/{name}", **options)
    assert list(tmp_path.iterdir()) == []


def test_a_chunk_of_4_gigabytes_is_refused(tmp_path: Path) -> None:
    kind: Any = ((2**17, 2**13), np.dtype("f8"), "C")
    with pytest.raises(OutputError, match="4 GiB"):
        create_output(tmp_path / "y.h5", *kind, replace=False, inputs=(), options=OutputOptions(chunks=(2**16, 2**13)))
