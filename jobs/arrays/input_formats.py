"""The table of formats that are read: which a file is of, and what to say of the others."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from numpy.lib import format as npy_format

from ..errors import InputError, InputUnsupportedError
from .files import open_regular, read_prefix
from .locations import Location, is_url, locate
from .npy import open_npy
from .source import Source

if TYPE_CHECKING:
    from ..spec_input import InputSpec

__all__ = ["INPUT_FORMATS", "InputFormat", "open_source"]


@dataclass(frozen=True, slots=True)
class InputFormat:
    """A file format that arrays are read from.

    Parameters
    ----------
    name : str
    magics : tuple of bytes
        What its files start with: one of these.
    open : callable
        Makes a source of a place and of what the job says of the file.
    """

    name: str
    magics: tuple[bytes, ...]
    open: Callable[[Location, InputSpec], Source]


def _open_npy(location: Location, entry: InputSpec) -> Source:
    if location.member is not None:
        raise InputError(
            f"{location.name}: a .npy file holds one array, without a name",
            cause=f"{location.member!r} stands behind ::",
            next=f"name {location.file}",
        )
    return open_npy(location.name, location.path)


INPUT_FORMATS = (InputFormat(".npy", (npy_format.MAGIC_PREFIX,), _open_npy),)

_FOREIGN = (
    (b"PK\x03\x04", "a .npz (zip) archive", "unpack it with numpy.load, and numpy.save one array"),
    (b"PK\x05\x06", "an empty .npz (zip) archive", "name a .npy file"),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file", "numpy.save one of its datasets"),
    (b"\x80", "a pickle, which is never loaded", "numpy.save an array of numbers"),
    (b"CDF", "a netCDF file", "numpy.save one of its variables"),
    (b"PAR1", "a Parquet file", "numpy.save its columns"),
    (b"\x1f\x8b", "a gzip archive", "unpack it first"),
    (b"(\xb5/\xfd", "a zstd archive", "unpack it first"),
)
_ZARR_MARKS = ("zarr.json", ".zarray", ".zgroup")


def open_source(path: str | os.PathLike[str], entry: InputSpec | None = None) -> Source:
    """Return an array file as a source; only its header is read.

    Parameters
    ----------
    path : path-like
        A file, whatever its name ends in, with the name of an array inside of it behind ``::``; or a URL.
    entry : InputSpec, optional
        What a job says of it beside the path.

    Raises
    ------
    InputError
        If the file cannot be read, is not an array, or is broken.
    InputUnsupportedError
        If it is an array of a format or a dtype that is not worked on.
    """
    name = os.fspath(path)
    if is_url(name):
        from .remote import open_remote

        return open_remote(name)
    if entry is None:
        from ..spec_input import InputSpec  # checks nothing: what is wrong with a path is said below

        entry = InputSpec.model_construct(path=name)
    location = locate(name)
    if any(os.path.exists(f"{location.path}/{mark}") for mark in _ZARR_MARKS):  # noqa: PTH110 - raises for no name
        raise _foreign(name, "a Zarr store", "numpy.save the array")
    prefix = _prefix(location)
    for known in INPUT_FORMATS:
        if prefix.startswith(known.magics):
            return known.open(location, entry)
    raise _not_an_array(name, prefix)


def _prefix(location: Location) -> bytes:
    descriptor, _ = open_regular(location.name, location.path)
    try:
        return read_prefix(location.name, descriptor, 512)
    finally:
        os.close(descriptor)


def _not_an_array(name: str, prefix: bytes) -> InputError:
    if not prefix:
        return InputError(f"{name}: is empty", cause="0 bytes", next="write the file again with numpy.save")
    for magic, kind, way_out in _FOREIGN:
        if prefix.startswith(magic):
            return _foreign(name, kind, way_out)
    if b"\0" not in prefix and prefix.isascii():
        return _foreign(name, "a text file", "numpy.save what numpy.loadtxt makes of it")
    return InputError(
        f"{name}: is not a .npy file",
        cause=f"it starts with {prefix[:8]!r}; a .npy file with {npy_format.MAGIC_PREFIX!r}",
        next="write the array with numpy.save",
    )


def _foreign(name: str, kind: str, way_out: str) -> InputUnsupportedError:
    return InputUnsupportedError(f"{name}: is {kind}", cause="only .npy is read in this version", next=way_out)
