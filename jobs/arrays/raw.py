"""Raw binary: elements without a header, whose dtype the job states; read as a ``.npy`` file is."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np

from ..errors import InputError, SpecError
from ..headers import ArrayHeader
from .files import FileStamp, open_regular
from .locations import Location
from .npy.source import NpySource

if TYPE_CHECKING:
    from ..spec.input import InputSpec

__all__ = ["open_raw", "raw_header"]


def open_raw(location: Location, entry: InputSpec) -> NpySource:
    """Return a file of bare elements as a source.

    Parameters
    ----------
    location : Location
    entry : InputSpec
        With a dtype; `shape`, `offset` and `order` as the file has them. Without a shape, all elements behind the
        offset are one axis. The array ends where the file does: a wrong dtype is not read as numbers.

    Raises
    ------
    InputError
        If the file cannot be read, or its size is another than what is stated comes to.
    SpecError
        If an array inside of it is named.
    """
    descriptor, status = open_regular(location.name, location.path)
    os.close(descriptor)
    return NpySource(location.path, raw_header(location, status.st_size, entry), entry.offset, FileStamp.of(status))


def raw_header(location: Location, n_bytes: int, entry: InputSpec) -> ArrayHeader:
    """Return the header of a file of bare elements.

    Parameters
    ----------
    location : Location
    n_bytes : int
        Of the file.
    entry : InputSpec

    Raises
    ------
    InputError, SpecError
        As `open_raw` does.
    """
    if location.member is not None:
        raise SpecError(
            f"{location.name}: raw binary holds no arrays with names",
            cause=f"{location.member!r} stands behind ::",
            next="give its place as offset",
        )
    assert entry.dtype is not None
    dtype = np.dtype(entry.dtype)
    size = n_bytes - entry.offset
    if entry.shape is None and (size < 0 or size % dtype.itemsize):
        raise InputError(
            f"{location.name}: holds no whole number of elements",
            cause=f"{max(size, 0)} bytes behind the first {entry.offset}; an element ({dtype}) has {dtype.itemsize}",
            next="correct dtype and offset, or state the shape",
        )
    shape = (size // dtype.itemsize,) if entry.shape is None else entry.shape
    has_one_order = sum(n != 1 for n in shape) > 1
    header = ArrayHeader(location.name, shape, dtype, entry.order if has_one_order else "C")
    if header.nbytes != size:
        raise InputError(
            f"{location.name}: is too {'small' if header.nbytes > size else 'large'} for its shape",
            cause=f"{size} bytes behind the first {entry.offset}; shape {shape} of {dtype} has {header.nbytes}",
            next="correct dtype, shape or offset; of a file that holds more, state the shape of all and select a part",
        )
    return header
