"""``.npz`` outputs: a zip archive with one ``.npy`` member, as `numpy.savez` writes it, but in bounded memory."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import OutputError
from ...headers import ArrayHeader
from ..npy.header import header_bytes
from ..npy.target import NpyTarget
from ..output_options import OutputOptions, refuse_options
from ..packed.packing import Packer, SinkFile, pieces
from ..transfer import byte_view

__all__ = ["NPZ"]

_ZIP_BYTES = 1024
"""What the archive takes beside its member."""

_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The time of every member, as NumPy writes it: equal arrays make equal files."""


def _check(header: ArrayHeader, options: OutputOptions) -> None:
    refuse_options(header, options, "member", compressions=("none", "gzip"))
    if options.member is not None and (options.member.startswith("/") or ".." in options.member.split("/")):
        raise OutputError(
            f"{header.name}: {options.member!r} is no name of a member",
            cause="it would leave the folder that the archive is unpacked in",
            next="give it a plain name: out.npz::weights",
        )


def _size(header: ArrayHeader) -> int:
    return header.nbytes + len(header_bytes(header.shape, header.dtype, header.order)) + _ZIP_BYTES


def _pack(target: NpyTarget, options: OutputOptions, path: Path) -> None:
    header = target.header
    member = zipfile.ZipInfo(f"{_member(options)}.npy", _EPOCH)
    member.compress_type = zipfile.ZIP_DEFLATED if options.compression == "gzip" else zipfile.ZIP_STORED
    member.external_attr = 0o600 << 16
    stored = target.T if header.order == "F" else target
    descriptor = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        with (
            io.BufferedWriter(SinkFile(descriptor)) as sink,
            zipfile.ZipFile(sink, "w") as archive,
            archive.open(member, "w", force_zip64=True) as file,
        ):
            file.write(header_bytes(header.shape, header.dtype, header.order))
            for _, block in pieces(stored):
                file.write(byte_view(block))
    finally:
        os.close(descriptor)


def _member(options: OutputOptions) -> str:
    return (options.member or "arr_0").removesuffix(".npy")


def _load(path: Path, header: ArrayHeader, options: OutputOptions) -> NDArray[Any]:
    with np.load(path, allow_pickle=False) as archive:
        array: NDArray[Any] = archive[_member(options)]
    return array


NPZ = Packer((".npz",), "", _check, _size, _pack, _load)
