"""Zarr stores and HDF5 files behind URLs: which array is meant, and what it is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ...errors import InputError, InputUnsupportedError, JobError
from ...headers import ArrayHeader
from ..chunked import kept_bytes
from ..hdf5.datasets import check_filters, dataset_dtype
from ..hdf5.source import BROKEN_HDF5
from ..locations import Location
from ..named_arrays import choose_array
from ..npy.header import check_dtype, check_shape
from ..source import Source
from ..zarr.source import BROKEN_ZARR
from ..zarr.stores import check_grid
from .chunks import BLOCK_BYTES, N_BLOCKS, RemoteChunkSource, broken_store, hdf5_file, zarr_node
from .errors import failed_error, remote_errors
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
    check_grid(name, shape, dtype, chunks)
    n_bytes = kept_bytes(shape, dtype.itemsize, chunks)
    header = ArrayHeader(name, shape, dtype, reader_bytes=n_bytes, chunks=chunks)
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
    with hdf5_file(url, name) as file:
        try:
            return _dataset_source(url, name, _choose_dataset(file, Location(name, url, member)), stamp)
        except JobError:
            raise
        except remote_errors() as error:
            raise failed_error(name, error) from error
        except BROKEN_HDF5 as error:
            raise broken_store(name, "HDF5", error) from error


def _choose_dataset(file: Any, location: Location) -> Any:
    import h5py

    names: list[str] = []
    file.visititems(lambda path, item: names.append(path) if isinstance(item, h5py.Dataset) else None)
    return file[choose_array(location, names, kind="an HDF5 file")]


def _dataset_source(url: str, name: str, dataset: Any, stamp: RemoteStamp) -> Source:
    import h5py

    if dataset.is_virtual or dataset.external or dataset.shape is None:
        raise InputUnsupportedError(
            f"{name}: its elements lie in other files, or it has none",
            cause="a virtual, external or empty dataset",
            next="download the file and name that",
        )
    header = ArrayHeader(name, dataset.shape, dataset_dtype(name, dataset))
    check_shape(name, header.shape, header.dtype, source="description of the dataset")
    check_filters(name, dataset)
    offset = dataset.id.get_offset()
    is_plain = h5py.h5t.py_create(header.dtype).equal(dataset.id.get_type())
    if offset is not None and is_plain and dataset.id.get_storage_size() == header.nbytes > 0:
        return RemoteNpySource(url, replace(header, reader_bytes=batch_bytes(header)), offset, stamp)
    chunks = dataset.chunks or (1,) * header.ndim
    n_bytes = kept_bytes(header.shape, header.dtype.itemsize, chunks) + BLOCK_BYTES * N_BLOCKS
    header = replace(header, reader_bytes=n_bytes, chunks=dataset.chunks or ())
    return RemoteChunkSource("hdf5", url, dataset.name, header, chunks, url, stamp)
