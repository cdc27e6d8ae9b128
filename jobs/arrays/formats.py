"""The table of file formats: which is read, which is written, and what to say of the others."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy_format

from ..blocks import Shape
from ..errors import InputError, InputUnsupportedError, OutputError
from ..headers import Order
from .files import open_regular, read_prefix
from .npy import open_npy
from .npy_adoption import adopt_npy, was_npy_published
from .npy_output import create_npy
from .source import Output, Source

__all__ = ["FORMATS", "Format", "adopt_output", "create_output", "open_source", "was_published"]


@dataclass(frozen=True, slots=True)
class Format:
    """A file format that arrays are read from and written to.

    Parameters
    ----------
    suffix : str
        Of output files; inputs are told by their content.
    magic : bytes
        What its files start with.
    open_source : callable
        Makes a source of a name for messages and an absolute path.
    create_output, adopt_output, was_published : callable
        What the functions of these names below do for the format.
    """

    suffix: str
    magic: bytes
    open_source: Callable[[str, str], Source]
    create_output: Callable[..., Output]
    adopt_output: Callable[..., Output]
    was_published: Callable[..., bool]


FORMATS = (Format(".npy", npy_format.MAGIC_PREFIX, open_npy, create_npy, adopt_npy, was_npy_published),)

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


def open_source(path: str | os.PathLike[str]) -> Source:
    """Return an array file as a source; only its header is read.

    Parameters
    ----------
    path : path-like
        A ``.npy`` file, whatever its name ends in.

    Raises
    ------
    InputError
        If the file cannot be read, is not an array, or is broken.
    InputUnsupportedError
        If it is an array of a format or a dtype that is not worked on.
    """
    name = os.fspath(path)
    absolute = str(Path(name).absolute())
    if any(os.path.exists(f"{absolute}/{mark}") for mark in _ZARR_MARKS):  # noqa: PTH110 - raises for no name
        raise _foreign(name, "a Zarr store", "numpy.save the array")
    descriptor, _ = open_regular(name, absolute)
    try:
        prefix = read_prefix(name, descriptor, 512)
    finally:
        os.close(descriptor)
    for known in FORMATS:
        if prefix.startswith(known.magic):
            return known.open_source(name, absolute)
    raise _not_an_array(name, prefix)


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


def create_output(
    path: str | os.PathLike[str],
    shape: Shape,
    dtype: np.dtype[Any],
    order: Order,
    *,
    replace: bool,
    inputs: Sequence[Source],
) -> Output:
    """Return a new output, whose whole size is reserved on disk under a temporary name beside `path`.

    Parameters
    ----------
    path : path-like
        The final name; its suffix says the format.
    shape : tuple of int
    dtype : numpy.dtype
    order : {"C", "F"}
        The memory order of the file.
    replace : bool
        True: a file of that name is replaced, when the new one is whole.
    inputs : sequence of Source
        What must not be overwritten.

    Raises
    ------
    OutputError
        If the output exists, is an input, or cannot be created there; if the disk is too small.
    OutputLockedError
        If another run writes it.
    """
    return _format_of(path).create_output(path, shape, dtype, order, replace=replace, inputs=inputs)


def adopt_output(
    path: str | os.PathLike[str],
    shape: Shape,
    dtype: np.dtype[Any],
    order: Order,
    *,
    replace: bool,
    info: Mapping[str, Any] | None = None,
    inputs: Sequence[Source] = (),
) -> Output:
    """Return the output that an earlier run of the same job left unpublished, with all that was written to it.

    It may have been published already but for the temporary name, which `publish` then removes.

    Parameters
    ----------
    path, shape, dtype, order, replace, inputs
        As they were given to `create_output`.
    info : mapping, optional
        What `Output.info` returned then. Without it, the file of another job with an output of the same name, shape
        and dtype would be taken for this job's.

    Raises
    ------
    OutputError
        If there is none, or it is another file; if the final name is taken and `replace` is False. Nothing was touched.
    OutputLockedError
        If another run writes it.
    """
    found = _format_of(path)
    return found.adopt_output(path, shape, dtype, order, replace=replace, info=info, inputs=inputs)


def was_published(
    path: str | os.PathLike[str], shape: Shape, dtype: np.dtype[Any], order: Order, *, info: Mapping[str, Any]
) -> bool:
    """Return whether the output of an earlier run has its final name; if so, what its publication left to do is done.

    Parameters
    ----------
    path, shape, dtype, order
        As they were given to `create_output`.
    info : mapping
        What `Output.info` returned then: the final name may belong to an older file of the same shape.

    Raises
    ------
    OutputLockedError
        If another run is publishing it.
    JobError
        If the disk fails.
    """
    return _format_of(path).was_published(path, shape, dtype, order, info=info)


def _format_of(path: str | os.PathLike[str]) -> Format:
    suffix = Path(path).suffix
    for known in FORMATS:
        if suffix == known.suffix:
            return known
    raise OutputError(
        f"{os.fspath(path)}: outputs of this kind are not written",
        cause=f"its name ends in {suffix!r}; allowed: {', '.join(known.suffix for known in FORMATS)}",
        next="give the output a name that ends in .npy",
    )
