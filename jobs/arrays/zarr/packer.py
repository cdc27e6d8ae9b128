"""``.zarr`` outputs: Zarr version 3, whole chunks only, each with a checksum; many chunks are written at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

from ...blocks import Grid, Shape, as_slices, row_major_chunks
from ...errors import OutputError
from ...headers import ArrayHeader
from ..npy.target import NpyTarget
from ..output_options import OutputOptions, refuse_options
from ..packed.packing import Packer, pieces

__all__ = ["MARKS", "ZARR"]

MARKS = ("zarr.json", ".zgroup", ".zarray")
"""One of them is in every store."""

_CHUNK_BYTES = 16 * 10**6
_N_THREADS = 2
"""Each holds a chunk twice: as it is, and encoded."""

_METADATA_BYTES = 16 * 1024


def _check(header: ArrayHeader, options: OutputOptions) -> None:
    refuse_options(header, options, "member", "chunks", compressions=("none", "gzip", "zstd"))
    if options.member is None:
        return
    parts = options.member.strip("/").split("/")
    if any(not part or part.strip(".") == "" or part.startswith("__") or "\0" in part for part in parts):
        raise OutputError(
            f"{header.name}: {options.member!r} is no name of an array",
            cause="names in Zarr are parts between slashes, none of them empty, of dots, or with __ in front",
            next="give it a plain name: out.zarr::group/array",
        )


def _chunks(header: ArrayHeader, options: OutputOptions) -> Shape:
    if options.chunks is not None:
        return tuple(max(min(length, n), 1) for length, n in zip(options.chunks, header.shape, strict=True))
    return row_major_chunks(header.shape, max(_CHUNK_BYTES // header.dtype.itemsize, 1))


def _size(header: ArrayHeader) -> int:
    # a block of the disk for each chunk, its checksum and its folder
    chunks = _chunks(header, OutputOptions())
    return header.nbytes + _METADATA_BYTES + 8192 * Grid(header.shape, chunks).n_blocks


def _pack(target: NpyTarget, options: OutputOptions, path: Path) -> None:
    array = _create(target.header, options, path)
    chunks, stopped = _chunks(target.header, options), Event()

    def write(number: int) -> None:
        for region, block in pieces(target, chunks, n_bytes=_CHUNK_BYTES, share=(number, _N_THREADS)):
            if stopped.is_set():
                return
            # the ellipsis is for an array without axes
            array[(*as_slices(region), ...)] = block.astype(block.dtype.newbyteorder("="), copy=False)

    with ThreadPoolExecutor(_N_THREADS, thread_name_prefix="arraymill-zarr") as threads:
        try:
            for _ in threads.map(write, range(_N_THREADS)):
                pass
        finally:
            # by an error or an interrupt, which waits for the threads
            stopped.set()


def _create(header: ArrayHeader, options: OutputOptions, path: Path) -> Any:
    import zarr
    from zarr.codecs import Crc32cCodec, GzipCodec, ZstdCodec

    compressors = {"gzip": [GzipCodec(level=5)], "zstd": [ZstdCodec(level=3)]}.get(options.compression or "none", [])
    settings: dict[str, Any] = {
        "shape": header.shape,
        "dtype": header.dtype.newbyteorder("="),
        "chunks": _chunks(header, options),
        "compressors": [*compressors, Crc32cCodec()],
        "fill_value": 0,
        # a chunk that is missing is a chunk that was lost
        "config": {"write_empty_chunks": True},
    }
    if options.member is None:
        return zarr.create_array(path, **settings, zarr_format=3)
    return zarr.create_group(path, zarr_format=3).create_array(options.member.strip("/"), **settings)


def _load(path: Path, header: ArrayHeader, options: OutputOptions) -> Any:
    import zarr

    store = zarr.open(path, mode="r")
    return store if options.member is None else store[options.member.strip("/")]


ZARR = Packer((".zarr",), MARKS[0], _check, _size, _pack, _load)
