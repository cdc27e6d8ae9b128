"""Zarr stores and HDF5 files behind URLs: which array is meant, and what it is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...errors import InputError, InputUnsupportedError
from ...headers import ArrayHeader
from ..chunked import kept_bytes
from ..locations import Location
from ..named_arrays import choose_array
from ..npy.header import check_dtype
from ..source import Source
from ..zarr.source import BROKEN_ZARR
from .chunks import BLOCK_BYTES, N_BLOCKS, RemoteChunkSource, broken_store, hdf5_file, zarr_node
from .errors import remote_errors
from .file import RemoteStamp, open_file
from .npy import RemoteNpySource, batch_bytes

__all__ = ["open_remote_hdf5", "open_remote_zarr"]

_DESCRIPTIONS = ("zarr.json", ".zarray")


def open_remote_zarr(url: str, name: str, member: str | None) -> RemoteChunkSource:
    """Return an array of a Zarr store behind a URL.

    Parameters
    ----------
    url : str
    name : str
        How it is called in messages.
    member : str or None
        The array's path in the store; it may be left out where there is one alone and the store can be listed.

    Raises
    ------
    InputError, InputUnsupportedError
    """
    import zarr

    member = (member or "").strip("/")
    node = zarr_node(url, name, member)
    if not isinstance(node, zarr.Array):
        try:
            arrays = {path: item for path, item in node.members(max_depth=None) if isinstance(item, zarr.Array)}
        except BROKEN_ZARR + remote_errors() as error:
            raise broken_store(name, "zarr", error) from error
        chosen = choose_array(Location(name, url, None), list(arrays), kind="a Zarr store")
        node, member = arrays[chosen], f"{member}/{chosen}".strip("/")
    dtype = np.dtype(node.dtype)
    check_dtype(name, dtype)
    stamp_url, stamp = _description(url, name, member)
    shape, chunks = tuple(node.shape), tuple(node.chunks)
    header = ArrayHeader(name, shape, dtype, reader_bytes=kept_bytes(shape, dtype.itemsize, chunks))
    return RemoteChunkSource("zarr", url, member, header, chunks, stamp_url, stamp)


def _description(url: str, name: str, member: str) -> tuple[str, RemoteStamp]:
    """Return the URL of an array's description, and its stamp."""
    base, mark, query = url.partition("?")
    folder = "/".join(part for part in (base.rstrip("/"), member) if part)
    for document in _DESCRIPTIONS:
        stamp_url = f"{folder}/{document}{mark}{query}"
        file = open_file(stamp_url, name)
        if file.exists():
            return stamp_url, file.stamp()
    raise InputError(f"{name}: its description is gone", cause=f"none of {', '.join(_DESCRIPTIONS)}", next="try again")


def open_remote_hdf5(url: str, name: str, member: str | None, stamp: RemoteStamp) -> Source:
    """Return a dataset of an HDF5 file behind a URL.

    Parameters
    ----------
    url : str
    name : str
        How it is called in messages.
    member : str or None
        The dataset; it may be left out where there is one alone.
    stamp : RemoteStamp
        Of the file.

    Returns
    -------
    RemoteNpySource
        Of a dataset that lies in one run.
    RemoteChunkSource
        Of another one.

    Raises
    ------
    InputError, InputUnsupportedError
    """
    import h5py

    with hdf5_file(url, name) as file:
        names: list[str] = []
        file.visititems(lambda path, item: names.append(path) if isinstance(item, h5py.Dataset) else None)
        dataset = file[choose_array(Location(name, url, member), names, kind="an HDF5 file")]
        if dataset.is_virtual or dataset.external or dataset.shape is None:
            raise InputUnsupportedError(
                f"{name}: its elements lie in other files, or it has none",
                cause="a virtual, external or empty dataset",
                next="download the file and name that",
            )
        check_dtype(name, dataset.dtype)
        # without what h5py notes beside it: the names of an enumeration
        header = ArrayHeader(name, dataset.shape, np.dtype(dataset.dtype.str))
        offset = dataset.id.get_offset()
        is_plain = h5py.h5t.py_create(header.dtype).equal(dataset.id.get_type())
        if offset is not None and is_plain and dataset.id.get_storage_size() == header.nbytes > 0:
            return RemoteNpySource(url, replace(header, reader_bytes=batch_bytes(header)), offset, stamp)
        chunks = dataset.chunks or (1,) * header.ndim
        n_bytes = kept_bytes(header.shape, header.dtype.itemsize, chunks) + BLOCK_BYTES * N_BLOCKS
        header = replace(header, reader_bytes=n_bytes)
        return RemoteChunkSource("hdf5", url, dataset.name, header, chunks, url, stamp)
