"""``.h5`` outputs: HDF5 lays out a new file, and the elements are written into the place that it reserved for them.

A file that HDF5 itself is writing cannot be opened after a crash, and after a full disk it cannot even be closed. So it
makes the file with an empty contiguous dataset, says where that lies, and is done; only chunked datasets, which it must
write itself, are left to it.
"""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

from ... import disk
from ...blocks import Shape, as_slices, row_major_chunks
from ...errors import OutputError
from ...headers import ArrayHeader
from ..npy.target import NpyTarget
from ..output_options import OutputOptions, refuse_options
from ..packed.packing import Packer, os_error_of, pieces
from ..transfer import byte_view, write_from

__all__ = ["HDF5"]

_ALIGNMENT = 4096
_CHUNK_BYTES = 2**20
"""Of a compressed dataset whose chunks are not chosen: as large as HDF5's cache of chunks."""
_LARGEST_CHUNK_BYTES = 2**32 - 1


def _check(header: ArrayHeader, options: OutputOptions) -> None:
    refuse_options(header, options, "member", "chunks", compressions=("none", "gzip"))
    parts = _member(options).strip("/").split("/")
    if any(part in ("", ".", "..") for part in parts) or "\0" in _member(options):
        raise OutputError(
            f"{header.name}: {_member(options)!r} is no name of a dataset",
            cause="names in HDF5 are parts between slashes, none of them empty or of dots",
            next="give it a plain name: out.h5::data",
        )
    chunks = _chunks(header, options)
    n_bytes = header.dtype.itemsize * math.prod(chunks or (0,))
    if n_bytes > _LARGEST_CHUNK_BYTES:
        raise OutputError(
            f"{header.name}: HDF5 has no chunks of this size",
            cause=f"chunks {list(chunks or ())} take {n_bytes} bytes; less than 4 GiB are allowed",
            next="choose smaller ones",
        )


def _chunks(header: ArrayHeader, options: OutputOptions) -> Shape | None:
    """Return the chunks of a dataset; None for one that is contiguous."""
    if header.size == 0 or header.ndim == 0:
        return None
    if options.chunks is not None:
        return tuple(min(length, n) for length, n in zip(options.chunks, header.shape, strict=True))
    if options.compression in (None, "none"):
        return None
    return row_major_chunks(header.shape, _CHUNK_BYTES // header.dtype.itemsize)


def _member(options: OutputOptions) -> str:
    return options.member or "data"


def _size(header: ArrayHeader) -> int:
    return header.nbytes + 4 * _ALIGNMENT


def _pack(target: NpyTarget, options: OutputOptions, path: Path) -> None:
    header = target.header
    chunks = _chunks(header, options)
    try:
        if chunks is not None:
            _write_chunks(target, options, chunks, path)
            return
        offset = _lay_out(header, options, path)
    except (OSError, RuntimeError) as error:
        raise os_error_of(error) from error
    _fill(target, path, offset)


def _lay_out(header: ArrayHeader, options: OutputOptions, path: Path) -> int | None:
    """Make a file with a dataset that holds nothing yet, and return where its elements go; None if it has none."""
    import h5py

    layout = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    layout.set_layout(h5py.h5d.CONTIGUOUS)
    layout.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    layout.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
    layout.set_obj_track_times(False)
    links = h5py.h5p.create(h5py.h5p.LINK_CREATE)
    links.set_create_intermediate_group(True)
    links.set_char_encoding(h5py.h5t.CSET_UTF8)
    with h5py.File(path, "w", alignment_threshold=_ALIGNMENT, alignment_interval=_ALIGNMENT) as file:
        space = h5py.h5s.create_simple(header.shape) if header.ndim else h5py.h5s.create(h5py.h5s.SCALAR)
        kind = h5py.h5t.py_create(header.dtype, logical=True)
        name = _member(options).encode()
        dataset = h5py.h5d.create(file.id, name, kind, space, dcpl=layout, lcpl=links)
        offset: int | None = dataset.get_offset()
    return offset


def _fill(target: NpyTarget, path: Path, offset: int | None) -> None:
    if target.header.size == 0:
        return
    assert offset is not None
    descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        disk.reserve(descriptor, max(offset + target.header.nbytes, os.fstat(descriptor).st_size))
        for _, block in pieces(target):
            write_from(descriptor, [byte_view(block)], offset)
            offset += block.nbytes
    finally:
        os.close(descriptor)


def _write_chunks(target: NpyTarget, options: OutputOptions, chunks: Shape, path: Path) -> None:
    import h5py

    header = target.header
    filters = {"compression": "gzip", "shuffle": True} if options.compression == "gzip" else {}
    with h5py.File(path, "w") as file:
        dataset = file.create_dataset(
            _member(options), header.shape, header.dtype, chunks=chunks, fill_time="never", **filters
        )
        for region, block in pieces(target, chunks):
            dataset[as_slices(region)] = block


def _load(path: Path, header: ArrayHeader, options: OutputOptions) -> Any:
    import h5py

    return h5py.File(path, "r")[_member(options)]


HDF5 = Packer((".h5", ".hdf5"), "", _check, _size, _pack, _load)
