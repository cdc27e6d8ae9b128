from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

import arraymill.jobs.arrays.zarr.packer as zarr_packer
from arraymill.jobs.arrays import OutputOptions, create_output
from arraymill.jobs.errors import OutputError

ARRAY = np.random.default_rng(5).standard_normal((50, 40))


def write(path: str, array: Any = ARRAY, **options: Any) -> None:
    kind: Any = (array.shape, array.dtype, "C")
    with create_output(path, *kind, replace=False, inputs=(), options=OutputOptions(**options)) as output:
        with output.target.open() as writer:
            writer.write(tuple((0, n) for n in array.shape), array)
        output.publish()


@pytest.mark.parametrize(
    ("options", "chunks", "codecs"),
    [
        ({}, (50, 40), ["BytesCodec", "Crc32cCodec"]),
        ({"chunks": (7, 9)}, (7, 9), ["BytesCodec", "Crc32cCodec"]),
        ({"chunks": (100, 9), "compression": "none"}, (50, 9), ["BytesCodec", "Crc32cCodec"]),
        ({"compression": "zstd"}, (50, 40), ["BytesCodec", "ZstdCodec", "Crc32cCodec"]),
        ({"compression": "gzip", "chunks": (10, 40)}, (10, 40), ["BytesCodec", "GzipCodec", "Crc32cCodec"]),
    ],
)
def test_chunks_and_codecs_are_those_asked_for(
    tmp_path: Path, options: dict[str, Any], chunks: Any, codecs: list[str]
) -> None:
    write(f"{tmp_path}/y.zarr", **options)
    found = zarr.open_array(tmp_path / "y.zarr", mode="r")
    assert (found.metadata.zarr_format, found.chunks) == (3, chunks)
    assert [type(codec).__name__ for codec in found.metadata.codecs] == codecs
    assert np.array_equal(found[...], ARRAY)


def test_chunks_are_whole_rows_of_about_16_megabytes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(zarr_packer, "_CHUNK_BYTES", 20 * 40 * 8)
    write(f"{tmp_path}/y.zarr::g/y")
    group = zarr.open_group(tmp_path / "y.zarr", mode="r")
    assert (group["g/y"].chunks, list(group), list(group["g"])) == ((17, 40), ["g"], ["y"])
    assert np.array_equal(group["g/y"][...], ARRAY)


def test_every_chunk_is_there_even_one_of_zeros(tmp_path: Path) -> None:
    write(f"{tmp_path}/y.zarr", np.zeros((4, 6)), chunks=(2, 3))
    assert len([file for file in (tmp_path / "y.zarr" / "c").rglob("*") if file.is_file()]) == 4


def test_a_flipped_bit_is_found(tmp_path: Path) -> None:
    write(f"{tmp_path}/y.zarr")
    chunk = tmp_path / "y.zarr" / "c" / "0" / "0"
    content = bytearray(chunk.read_bytes())
    content[100] ^= 1
    chunk.write_bytes(content)
    with pytest.raises(ValueError, match="checksum"):
        zarr.open_array(tmp_path / "y.zarr", mode="r")[...]


def test_nothing_is_added_to_a_store_that_is_there(tmp_path: Path) -> None:
    write(f"{tmp_path}/y.zarr::a")
    with pytest.raises(OutputError, match="exists") as caught:
        write(f"{tmp_path}/y.zarr::b")
    assert "not added" in caught.value.cause


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("y.zarr::a//b", {}),
        ("y.zarr::../b", {}),
        ("y.zarr::__b", {}),
        ("y.zarr", {"compression": "snappy"}),
        ("y.zarr", {"chunks": (5, 5, 5)}),
        ("y.zarr", {"columns": ("a",)}),
    ],
)
def test_what_the_format_has_not_is_refused(tmp_path: Path, name: str, options: dict[str, Any]) -> None:
    with pytest.raises(OutputError):
        write(f"{tmp_path}/{name}", **options)
    assert list(tmp_path.iterdir()) == []
