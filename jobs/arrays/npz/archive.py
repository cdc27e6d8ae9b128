"""``.npz`` archives: stored members are read where they lie in the archive, as ``.npy`` files are; others in a stream.

::

    x.npz    | local header | .npy header | data ........ | local header | ... | directory |
                                          ^ data_offset of x.npz::a, if it is stored

`numpy.load` reads a member whole, whatever ``mmap_mode`` says. Here no member is ever held whole: one that is
compressed is a streamed source, whose reader unpacks as it goes.

References
----------
PKWARE Inc., ".ZIP File Format Specification", version 6.3.10 (2022), sections 4.3.7 and 4.4.
"""

from __future__ import annotations

import os
import struct
import zipfile
from typing import TYPE_CHECKING

from ...errors import InputError, InputUnsupportedError, JobError
from ..files import FileStamp, cannot_read, open_regular
from ..locations import Location
from ..named_arrays import choose_array
from ..npy.header import HEADER_BYTES, parse_header
from ..npy.source import NpySource
from ..source import Source
from .member import BROKEN_ZIP, ZipMemberSource, broken_archive

if TYPE_CHECKING:
    from ...spec.input import InputSpec

__all__ = ["open_npz"]

_ZARR_MARKS = {"zarr.json", ".zarray", ".zgroup"}
_LOCAL_HEADER = struct.Struct("<4s22xHH")
_IS_ENCRYPTED = 1
_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA}


def open_npz(location: Location, entry: InputSpec) -> Source:
    """Return an array of a ``.npz`` archive as a source; only its header is read.

    Parameters
    ----------
    location : Location
        Whose member is the name of an array in the archive; it may be left out where there is one alone.
    entry : InputSpec

    Returns
    -------
    NpySource
        Of a stored member.
    ZipMemberSource
        Of a compressed one.
    ZarrSource
        Of a Zarr store that is one zip file.

    Raises
    ------
    InputError
        If the archive is broken, holds no such array, or several and none is named.
    InputUnsupportedError
        If the member is encrypted, compressed in a way that is not known, or not an array of numbers.
    """
    descriptor, status = open_regular(location.name, location.path)
    stamp = FileStamp.of(status)
    with os.fdopen(descriptor, "rb") as file:
        try:
            with zipfile.ZipFile(file) as archive:
                if not _ZARR_MARKS.isdisjoint(archive.namelist()):
                    from ..zarr.stores import open_zarr

                    return open_zarr(location, entry)
                member = _choose(location, archive)
                _check_member(location.name, member)
                if member.compress_type == zipfile.ZIP_STORED:
                    return _stored(location, file.fileno(), member, stamp)
                return _compressed(location, archive, member, stamp)
        except JobError:
            raise
        except BROKEN_ZIP as error:
            raise broken_archive(location.name, error) from error
        except OSError as error:
            raise cannot_read(location.name, error) from error


def _choose(location: Location, archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    names = [info.filename for info in archive.infolist() if not info.is_dir()]
    arrays = {name.removesuffix(".npy"): name for name in names if name.endswith(".npy")}
    wanted = location.member
    if wanted in names:
        return archive.getinfo(wanted)
    return archive.getinfo(arrays[choose_array(location, list(arrays), kind="a .npz archive")])


def _check_member(name: str, member: zipfile.ZipInfo) -> None:
    if member.flag_bits & _IS_ENCRYPTED:
        raise InputUnsupportedError(
            f"{name}: is encrypted", cause="passwords of archives are not asked for", next="unpack it first"
        )
    if member.compress_type not in _METHODS:
        raise InputUnsupportedError(
            f"{name}: is compressed in a way that is not read",
            cause=f"method {member.compress_type}; known are stored, deflate, bzip2 and lzma",
            next="write it again with numpy.savez",
        )


def _stored(location: Location, descriptor: int, member: zipfile.ZipInfo, stamp: FileStamp) -> NpySource:
    local = os.pread(descriptor, _LOCAL_HEADER.size, member.header_offset)
    magic, n_name, n_extra = _LOCAL_HEADER.unpack(local)
    if magic != b"PK\x03\x04":
        raise broken_archive(location.name, f"no member begins at byte {member.header_offset}")
    start = member.header_offset + _LOCAL_HEADER.size + n_name + n_extra
    if start + member.file_size > stamp.size or member.file_size != member.compress_size:
        raise broken_archive(location.name, f"{member.file_size} bytes of it are not there behind byte {start}")
    prefix = os.pread(descriptor, min(HEADER_BYTES, member.file_size), start)
    header, skipped = parse_header(location.name, prefix)
    _check_size(location.name, member, skipped + header.nbytes)
    return NpySource(location.path, header, start + skipped, stamp)


def _compressed(
    location: Location, archive: zipfile.ZipFile, member: zipfile.ZipInfo, stamp: FileStamp
) -> ZipMemberSource:
    with archive.open(member) as stream:
        prefix = stream.read(HEADER_BYTES)
    header, skipped = parse_header(location.name, prefix)
    _check_size(location.name, member, skipped + header.nbytes)
    return ZipMemberSource(location.path, member.filename, header, skipped, stamp)


def _check_size(name: str, member: zipfile.ZipInfo, expected: int) -> None:
    if member.file_size != expected:
        raise InputError(
            f"{name}: is not as long as its header says",
            cause=f"{member.file_size} bytes in the archive; {expected} by the .npy header",
            next="write the archive again with numpy.savez",
        )
