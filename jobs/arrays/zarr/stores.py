"""Zarr stores, of version 2 and 3, as folders or as one zip file: which array is meant, and what it is."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...blocks import Shape
from ...errors import InputError, InputUnsupportedError, JobError
from ...headers import ArrayHeader
from ..chunked import kept_bytes
from ..locations import Location
from ..named_arrays import choose_array
from ..npy.header import check_dtype, check_shape
from .files import newest_change_ns
from .source import BROKEN_ZARR, ZarrSource, broken_zarr, open_node

if TYPE_CHECKING:
    from ...spec.input import InputSpec

__all__ = ["check_grid", "open_zarr"]


def open_zarr(location: Location, entry: InputSpec) -> ZarrSource:
    """Return an array of a Zarr store as a source; only its description is read.

    Parameters
    ----------
    location : Location
        A store, or the folder of one array; the member is the array's path in it, which may be left out where there is
        one alone.
    entry : InputSpec

    Raises
    ------
    InputError
        If the store is broken, holds no such array, or several and none is named.
    InputUnsupportedError
        If its elements are no numbers, or a codec is not installed.
    """
    name, is_zip = location.name, Path(location.path).is_file()
    try:
        with warnings.catch_warnings():
            # of files that lie in the store and are none of its own
            warnings.simplefilter("ignore")
            member, array = _choose(location, is_zip=is_zip)
            shape, dtype, chunks = tuple(array.shape), _dtype_of(name, array), tuple(array.chunks)
    except JobError:
        raise
    except BROKEN_ZARR as error:
        raise broken_zarr(name, error) from error
    check_grid(name, shape, dtype, chunks)
    newest_ns = newest_change_ns(name, location.path if is_zip else str(Path(location.path, member)))
    n_bytes = kept_bytes(shape, dtype.itemsize, chunks)
    header = ArrayHeader(name, shape, dtype, reader_bytes=n_bytes, chunks=chunks)
    return ZarrSource(location.path, member, header, chunks, newest_ns, is_zip)


def _choose(location: Location, *, is_zip: bool) -> tuple[str, Any]:
    """Return the path of the array in the store, and the array."""
    import zarr

    member = (location.member or "").strip("/")
    if member and not {".", ".."} & set(member.split("/")):
        try:
            node = open_node(location.path, member, is_zip=is_zip)
        except FileNotFoundError:
            node, member = open_node(location.path, "", is_zip=is_zip), ""
    else:
        node, member = open_node(location.path, "", is_zip=is_zip), ""
    if isinstance(node, zarr.Array):
        if location.member is not None and not member:
            raise InputError(
                f"{location.name}: there is no such array", cause="the store is one array", next=f"name {location.file}"
            )
        return member, node
    arrays = {path: item for path, item in node.members(max_depth=None) if isinstance(item, zarr.Array)}
    # a group that was named stands for the array in it
    asked = Location(location.name, location.path, None if member else location.member)
    chosen = choose_array(asked, list(arrays), kind="a Zarr group" if member else "a Zarr store")
    return f"{member}/{chosen}".strip("/"), arrays[chosen]


def check_grid(name: str, shape: Shape, dtype: np.dtype[Any], chunks: Shape) -> None:
    """Check that an array of such a shape, in such chunks, can exist.

    Raises
    ------
    InputError

    Examples
    --------
    >>> check_grid("x.zarr", (10, 0), np.dtype("f4"), (4, 1))
    """
    check_shape(name, shape, dtype, source="description of the array")
    if any(n > 0 and chunk < 1 for n, chunk in zip(shape, chunks, strict=True)):
        raise InputError(
            f"{name}: the Zarr store is broken",
            cause=f"its chunks of shape {list(chunks)} cannot hold an array of shape {list(shape)}",
            next="copy or write it again",
        )


def _dtype_of(name: str, array: Any) -> np.dtype[Any]:
    dtype: np.dtype[Any] = np.dtype(array.dtype)
    if dtype.kind in "OT":
        raise InputUnsupportedError(
            f"{name}: its elements are text or objects, which are not worked on",
            cause=f"dtype {dtype}",
            next="write them again as numbers",
        )
    check_dtype(name, dtype)
    return dtype
