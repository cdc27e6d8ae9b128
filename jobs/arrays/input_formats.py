"""The table of formats that are read: which a file is of, and what to say of the others."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from numpy.lib import format as npy_format

from ..errors import InputError, InputUnsupportedError, SpecError
from .files import open_regular, read_prefix
from .locations import Location, is_url, locate
from .npy.source import open_npy
from .source import Source

if TYPE_CHECKING:
    from ..spec.input import InputSpec

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
    starts : tuple of int
        Where in the file that may be.
    """

    name: str
    magics: tuple[bytes, ...]
    open: Callable[[Location, InputSpec], Source]
    starts: tuple[int, ...] = (0,)

    def is_format_of(self, prefix: bytes) -> bool:
        """Return whether a file that begins so is of this format."""
        return any(prefix.startswith(self.magics, start) for start in self.starts)


def _open_npy(location: Location, entry: InputSpec) -> Source:
    if location.member is not None:
        raise InputError(
            f"{location.name}: a .npy file holds one array, without a name",
            cause=f"{location.member!r} stands behind ::",
            next=f"name {location.file}",
        )
    return open_npy(location.name, location.path)


# What few jobs read is imported by those that do: zipfile, h5py and zarr take longer to import than a small job.
def _open_npz(location: Location, entry: InputSpec) -> Source:
    from .npz.archive import open_npz

    return open_npz(location, entry)


def _open_hdf5(location: Location, entry: InputSpec) -> Source:
    from .hdf5.datasets import open_hdf5

    return open_hdf5(location, entry)


def _open_zarr(location: Location, entry: InputSpec) -> Source:
    from .zarr.stores import open_zarr

    return open_zarr(location, entry)


def _open_parquet(location: Location, entry: InputSpec) -> Source:
    from .parquet.source import open_parquet

    return open_parquet(location, entry)


def _open_csv(location: Location, entry: InputSpec) -> Source:
    from .csv.source import open_csv

    return open_csv(location, entry)


def _open_raw(location: Location, entry: InputSpec) -> Source:
    from .raw import open_raw

    return open_raw(location, entry)


READ = "read are .npy, .npz, Zarr, HDF5, Parquet, .csv, .tsv and .txt, and raw binary whose dtype is stated"

PARQUET = "a Parquet file"
NPY_MAGIC, ZIP_MAGICS, HDF5_MAGIC = npy_format.MAGIC_PREFIX, (b"PK\x03\x04", b"PK\x05\x06"), b"\x89HDF\r\n\x1a\n"

INPUT_FORMATS = (
    InputFormat("a .npy file", (NPY_MAGIC,), _open_npy),
    InputFormat("a .npz archive", ZIP_MAGICS, _open_npz),
    # MATLAB writes 512 bytes of its own before it
    InputFormat("an HDF5 file", (HDF5_MAGIC,), _open_hdf5, starts=(0, 512, 1024, 2048)),
    InputFormat(PARQUET, (b"PAR1",), _open_parquet),
)

_FOREIGN = (
    (b"\x80", "a pickle, which is never loaded", "numpy.save an array of numbers"),
    (b"CDF", "a netCDF file of version 3", "nccopy -k nc4 makes a netCDF-4 file of it, which is read as HDF5"),
    (b"\x1f\x8b", "a gzip archive", "unpack it first"),
    (b"(\xb5/\xfd", "a zstd archive", "unpack it first"),
)
_ZARR_MARKS = ("zarr.json", ".zarray", ".zgroup")
_RAW = ("dtype", "shape", "offset", "order")
_TEXT = ("columns", "delimiter", "header", "comments")
TEXT_SUFFIXES = (".csv", ".tsv", ".txt")


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
    SpecError
        If a dtype or the like is stated of a file that says its own.
    """
    name = os.fspath(path)
    if is_url(name):
        from .remote.opening import open_remote

        return open_remote(name, entry)
    if entry is None:
        from ..spec.input import InputSpec

        entry = InputSpec.model_construct(path=name)
    location = locate(name)
    if any(os.path.exists(f"{location.path}/{mark}") for mark in _ZARR_MARKS):  # noqa: PTH110 - raises for no name
        _check_unsaid(location, entry, "a Zarr store")
        return _open_zarr(location, entry)
    prefix = _prefix(location)
    for known in INPUT_FORMATS:
        if known.is_format_of(prefix):
            _check_unsaid(location, entry, known.name)
            return known.open(location, entry)
    if _is_table(location, entry, prefix):
        return _open_csv(location, entry)
    if entry.dtype is not None:
        return _open_raw(location, entry)
    raise _not_an_array(name, prefix)


def _is_table(location: Location, entry: InputSpec, prefix: bytes) -> bool:
    """Return whether a file is text of numbers: by its suffix, or by what is stated of it."""
    is_named = location.path.lower().endswith(TEXT_SUFFIXES)
    return b"\0" not in prefix and not _stated(entry, _RAW[1:]) and bool(is_named or _stated(entry, _TEXT))


def _stated(entry: InputSpec, names: tuple[str, ...]) -> list[str]:
    """Return which of some fields a job states."""
    return [name for name in names if getattr(entry, name) != type(entry).model_fields[name].default]


def _check_unsaid(location: Location, entry: InputSpec, kind: str) -> None:
    """Check that nothing is stated of a file that the file itself says."""
    allowed = ("columns",) if kind == PARQUET else ()
    said = [name for name in _stated(entry, (*_RAW, *_TEXT)) if name not in allowed]
    if said:
        raise SpecError(
            f"{location.name}: is {kind}, which says its own {said[0]}",
            cause=f"{said[0]} is stated of {'raw binary' if said[0] in _RAW else 'text'}: {getattr(entry, said[0])}",
            next=f"leave {' and '.join(said)} out",
        )


def _prefix(location: Location) -> bytes:
    descriptor, _ = open_regular(location.name, location.path)
    try:
        return read_prefix(location.name, descriptor, 4096)
    finally:
        os.close(descriptor)


def _not_an_array(name: str, prefix: bytes) -> InputError:
    if not prefix:
        return InputError(f"{name}: is empty", cause="0 bytes", next="write the file again with numpy.save")
    for magic, kind, way_out in _FOREIGN:
        if prefix.startswith(magic):
            return _foreign(name, kind, way_out)
    if b"\0" not in prefix and prefix.isascii():
        return _foreign(name, "a text file", "name it .csv, .tsv or .txt if it is a table of numbers")
    return InputError(
        f"{name}: is not a .npy file, nor of another format that is read",
        cause=f"it starts with {prefix[:8]!r}; a .npy file with {NPY_MAGIC!r}",
        next="write the array with numpy.save; of raw binary, state the dtype: --set inputs.x.dtype=float32",
    )


def _foreign(name: str, kind: str, way_out: str) -> InputUnsupportedError:
    return InputUnsupportedError(f"{name}: is {kind}", cause=READ, next=way_out)
