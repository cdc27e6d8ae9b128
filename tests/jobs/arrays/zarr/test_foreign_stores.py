"""Stores as other people write them: every codec, layout and name of chunks that the zarr library knows."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numcodecs
import numpy as np
import pytest
import zarr
from array_layouts import same_bits
from zarr.codecs import BloscCodec, BytesCodec, Crc32cCodec, GzipCodec, TransposeCodec, ZstdCodec

from arraymill.jobs.arrays import open_source
from arraymill.jobs.arrays.forward import forward_regions
from arraymill.jobs.blocks import as_slices
from arraymill.jobs.errors import InputError

SHAPE, CHUNKS = (23, 17), (7, 5)
DTYPES = ["?", "i1", ">u2", "<i8", "f2", ">f4", "<f8", "<c8", ">c16"]

VERSION_3: dict[str, dict[str, Any]] = {
    "bytes alone": {"compressors": None},
    "big end first": {"compressors": None, "serializer": BytesCodec(endian="big")},
    "zstd": {"compressors": ZstdCodec(checksum=True)},
    "gzip": {"compressors": GzipCodec()},
    "crc32c": {"compressors": [GzipCodec(), Crc32cCodec()]},
    **{
        f"blosc {name}": {"compressors": BloscCodec(cname=name)} for name in ("lz4", "lz4hc", "blosclz", "zstd", "zlib")
    },
    "blosc of bits": {"compressors": BloscCodec(shuffle="bitshuffle")},
    "transposed": {"filters": [TransposeCodec(order=(1, 0))]},
    "shards": {"shards": (14, 10)},
    "shards of transposed": {"shards": (14, 10), "filters": [TransposeCodec(order=(1, 0))]},
    **{
        f"{name} {separator}": {"chunk_key_encoding": {"name": name, "separator": separator}}
        for name in ("default", "v2")
        for separator in "./"
    },
}
VERSION_2: dict[str, dict[str, Any]] = {
    "nothing": {"compressors": None},
    **{
        codec.codec_id: {"compressors": codec}
        for codec in (
            numcodecs.Zlib(), numcodecs.GZip(), numcodecs.BZ2(), numcodecs.LZMA(), numcodecs.LZ4(), numcodecs.Zstd(),
            numcodecs.Blosc(), numcodecs.Blosc(cname="zstd", shuffle=2),
        )
    },
    "Fortran order": {"order": "F"},
    "folders": {"chunk_key_encoding": {"name": "v2", "separator": "/"}},
    **{codec.codec_id: {"filters": [codec]} for codec in (numcodecs.CRC32(), numcodecs.Fletcher32())},
    "shuffle": {"filters": [numcodecs.Shuffle(4)]},
}  # fmt: skip
FILTERS = {
    "delta": lambda dtype: numcodecs.Delta(dtype),
    "fixedscaleoffset": lambda dtype: numcodecs.FixedScaleOffset(offset=3, scale=2, dtype=dtype, astype="i4"),
    "quantize": lambda dtype: numcodecs.Quantize(digits=2, dtype=dtype),
    "bitround": lambda dtype: numcodecs.BitRound(keepbits=8),
    "astype": lambda dtype: numcodecs.AsType("<f8", dtype),
}


def numbers(dtype: str) -> np.ndarray[Any, Any]:
    values = np.random.default_rng(3).integers(0, 100, SHAPE)
    return (values + 1j * values[::-1] if np.dtype(dtype).kind == "c" else values).astype(dtype)


def whole(path: Path | str) -> np.ndarray[Any, Any]:
    source = open_source(path)
    out = np.full(source.header.shape, 77, source.header.dtype)
    with source.open() as reader:
        for region in forward_regions(source.header, 500):
            reader.read(region, out[(*as_slices(region), ...)])
    return out


@pytest.mark.parametrize("kind", VERSION_3)
def test_version_3(tmp_path: Path, kind: str) -> None:
    for dtype in DTYPES:
        array, path = numbers(dtype), tmp_path / dtype
        # half of it is written, and the rest is the fill value
        expected = np.where(np.arange(SHAPE[0])[:, None] < 14, array, np.ones((), dtype)).astype(dtype)
        store = zarr.create_array(path, shape=SHAPE, dtype=dtype, chunks=CHUNKS, fill_value=1, **VERSION_3[kind])
        store[:14] = array[:14]
        assert same_bits(expected, whole(path)), dtype


@pytest.mark.parametrize("kind", VERSION_2)
def test_version_2(tmp_path: Path, kind: str) -> None:
    for dtype in DTYPES:
        if kind == "shuffle" and np.dtype(dtype).itemsize % 4:
            continue
        array, path = numbers(dtype), tmp_path / dtype
        zarr.create_array(path, shape=SHAPE, dtype=dtype, chunks=CHUNKS, zarr_format=2, **VERSION_2[kind])[...] = array
        assert same_bits(array, whole(path)), dtype


@pytest.mark.parametrize("kind", FILTERS)
def test_filters_that_change_numbers_give_what_zarr_gives(tmp_path: Path, kind: str) -> None:
    for dtype in ("<f4", "<f8"):
        path = tmp_path / dtype
        options: Any = {"filters": [FILTERS[kind](dtype)], "zarr_format": 2}
        zarr.create_array(path, shape=SHAPE, dtype=dtype, chunks=CHUNKS, **options)[...] = numbers(dtype) / 8
        assert same_bits(zarr.open_array(path, mode="r")[...], whole(path))


@pytest.mark.filterwarnings("ignore:Consolidated metadata")
def test_consolidated_metadata_is_no_matter(tmp_path: Path) -> None:
    for version in (2, 3):
        path = tmp_path / str(version)
        group: Any = zarr.open_group(path, mode="w", zarr_format=version)
        group.create_array("deep/er/x", shape=SHAPE, dtype="f4", chunks=CHUNKS)[...] = numbers("f4")
        zarr.consolidate_metadata(path)
        assert same_bits(numbers("f4"), whole(f"{path}::deep/er/x"))
        assert same_bits(numbers("f4"), whole(path))


def test_a_chunk_that_is_no_file_is_refused(tmp_path: Path) -> None:
    zarr.create_array(tmp_path / "x", data=np.arange(6.0), chunks=(3,))
    chunk = tmp_path / "x" / "c" / "1"
    for make in (Path.mkdir, os.mkfifo, lambda path: path.symlink_to("/dev/zero")):
        if chunk.is_dir():
            chunk.rmdir()
        else:
            chunk.unlink()
        make(chunk)
        with pytest.raises(InputError, match="a chunk is broken"):
            whole(tmp_path / "x")
