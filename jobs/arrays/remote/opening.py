"""Arrays behind URLs (``https://``, ``s3://``, ``gs://``, ``memory://``), read by region through fsspec.

=========  ==================================================================
format     how it is read
=========  ==================================================================
.npy       by ranges (`npy`)
HDF5       by ranges where a dataset lies in one run, else through h5py
Zarr       through zarr, which fetches whole chunks
raw        by ranges, where the job states the dtype
others     refused: they are to be downloaded first
=========  ==================================================================
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from ...errors import InputError, InputUnsupportedError, SpecError
from ...headers import ArrayHeader
from ..locations import Location, locate
from ..npy.header import HEADER_BYTES, parse_header
from ..source import Source
from .errors import public_name
from .file import RemoteFile, RemoteStamp, open_file
from .npy import RemoteNpySource, batch_bytes

if TYPE_CHECKING:
    from ...spec.input import InputSpec

__all__ = ["open_remote"]

_NPY, _HDF5 = b"\x93NUMPY", b"\x89HDF\r\n\x1a\n"
_FOREIGN = (
    (b"PK\x03\x04", "a .npz (zip) archive"),
    (b"PAR1", "a Parquet file"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"(\xb5/\xfd", "a zstd archive"),
    (b"\x80", "a pickle, which is never loaded"),
)
_PACKED = (b"PK\x03\x04", b"PAR1")
"""Formats that say their own dtype; the first bytes of the others may be those of raw binary."""
_OF_ANY = ("path", "select", "join", "axis")


def open_remote(url: str, entry: InputSpec | None = None) -> Source:
    """Return an array behind a URL as a source; only its header is read.

    Parameters
    ----------
    url : str
        Of a ``.npy`` file, an HDF5 file or a Zarr store, whose array is named behind ``::``; or ``file://``.
    entry : InputSpec, optional
        What a job says of it beside the path.

    Raises
    ------
    InputError
        If it is not there, may not be read, or is broken; if the library for such URLs is not installed.
    InputUnsupportedError
        If it is of another format, or the server gives whole files only.
    """
    location = locate(url)
    path, member = location.path, location.member
    if path.startswith("file://"):
        from ..input_formats import open_source

        local = unquote(urlsplit(path).path)
        return open_source(local if member is None else f"{local}::{member}", entry)
    name = public_name(path) if member is None else f"{public_name(path)}::{member}"
    if "*" in urlsplit(path).path:
        raise InputUnsupportedError(
            f"{name}: patterns stand for files of this machine", cause="a URL names one file", next="list the URLs"
        )
    file = open_file(path, name)
    if urlsplit(path).path.rstrip("/").endswith(".zarr") or file.is_folder():
        from .stores import open_remote_zarr

        _check_unsaid(name, entry, "a Zarr store")
        return open_remote_zarr(path, name, member)
    stamp = file.stamp()
    file.check_ranges(stamp.size)
    (prefix,) = file.fetch([(0, min(HEADER_BYTES, stamp.size))]) if stamp.size else (b"",)
    if prefix.startswith(_HDF5):
        from .stores import open_remote_hdf5

        _check_unsaid(name, entry, "an HDF5 file")
        return open_remote_hdf5(path, name, member, stamp)
    if prefix.startswith(_NPY):
        _check_unsaid(name, entry, "a .npy file")
        return _open_npy(path, file, member, stamp, prefix)
    if entry is not None and entry.dtype is not None and not prefix.startswith(_PACKED):
        from ..raw import raw_header

        header = raw_header(Location(name, path, member), stamp.size, entry)
        return _source(path, header, entry.offset, stamp)
    raise _foreign(name, prefix)


def _check_unsaid(name: str, entry: InputSpec | None, kind: str) -> None:
    """Check that nothing is stated of a file that the file itself says."""
    fields = () if entry is None else tuple(type(entry).model_fields.items())
    said = [key for key, field in fields if key not in _OF_ANY and getattr(entry, key) != field.default]
    if said:
        raise SpecError(
            f"{name}: is {kind}, which says its own {said[0]}",
            cause=f"{said[0]} is stated of raw binary, or of text",
            next=f"leave {' and '.join(said)} out",
        )


def _open_npy(url: str, file: RemoteFile, member: str | None, stamp: RemoteStamp, prefix: bytes) -> RemoteNpySource:
    if member is not None:
        raise InputError(
            f"{file.name}: a .npy file holds one array, without a name",
            cause=f"{member!r} stands behind ::",
            next="leave it out",
        )
    header, data_offset = parse_header(file.name, prefix)
    if stamp.size != data_offset + header.nbytes:
        raise InputError(
            f"{file.name}: its size is not the one that its header says",
            cause=f"{stamp.size} bytes; {data_offset + header.nbytes} by the header (shape {header.shape}, "
            f"{header.dtype})",
            next="write or upload the file again",
        )
    return _source(url, header, data_offset, stamp)


def _source(url: str, header: ArrayHeader, data_offset: int, stamp: RemoteStamp) -> RemoteNpySource:
    return RemoteNpySource(url, replace(header, reader_bytes=batch_bytes(header)), data_offset, stamp)


def _foreign(name: str, prefix: bytes) -> InputError:
    kind = next((kind for magic, kind in _FOREIGN if prefix.startswith(magic)), "of no format that is known")
    if not prefix:
        return InputError(f"{name}: is empty", cause="0 bytes", next="upload the file again")
    return InputUnsupportedError(
        f"{name}: is {kind}, which is not read from a URL",
        cause=f"read are .npy, HDF5 and Zarr, and raw binary whose dtype is stated; it starts with {prefix[:8]!r}",
        next="download it first, and name the file",
    )
