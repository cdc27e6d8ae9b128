"""``.npy`` files as sources: checked once when a job is planned, and again by each worker that opens them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from ...errors import InputError
from ...headers import ArrayHeader
from ..files import FileStamp, check_unchanged, open_regular, read_prefix
from .header import HEADER_BYTES, parse_header
from .reader import NpyReader
from .views import NpyViews

__all__ = ["NpySource", "open_npy"]


@dataclass(frozen=True, slots=True)
class NpySource:
    """A ``.npy`` file, opened and checked once, to be read by region anywhere.

    Parameters
    ----------
    path : str
        Absolute.
    header : ArrayHeader
    data_offset : int
        Position of the first element in the file, in bytes.
    stamp : FileStamp
        Of the file when it was first opened.
    """

    path: str
    header: ArrayHeader
    data_offset: int
    stamp: FileStamp

    @property
    def T(self) -> NpySource:  # noqa: N802 - NumPy's name
        """The same file with the axes reversed; nothing is copied."""
        return self if self.header.ndim < 2 else replace(self, header=self.header.T)

    @contextmanager
    def open(self) -> Iterator[NpyReader]:
        """Open the file and check, then and on leaving, that it is still the one that was planned with.

        Raises
        ------
        InputChangedError
            If it was changed, replaced or truncated.
        InputError
            If it cannot be read any more.
        """
        descriptor, status = open_regular(self.header.name, self.path)
        try:
            check_unchanged(self.header.name, self.stamp, status)
            views = NpyViews(descriptor, self.header, self.data_offset, self.stamp.device)
            yield NpyReader(descriptor, self.header, self.data_offset, views=views)
            check_unchanged(self.header.name, self.stamp, os.fstat(descriptor))
        finally:
            os.close(descriptor)


def open_npy(name: str, path: str, *, may_be_records: bool = False) -> NpySource:
    """Return a ``.npy`` file as a source, after every check that its header and size allow.

    Parameters
    ----------
    name : str
        How the file is called in messages.
    path : str
        Absolute.
    may_be_records : bool
        Allow a structured dtype.

    Raises
    ------
    InputError
        If the file cannot be read, its header is broken, or its size is not the one that the header says.
    InputUnsupportedError
        If the dtype is not one of numbers.
    """
    descriptor, status = open_regular(name, path)
    try:
        prefix = read_prefix(name, descriptor, HEADER_BYTES)
    finally:
        os.close(descriptor)
    header, data_offset = parse_header(name, prefix, may_be_records=may_be_records)
    _check_size(header, data_offset, status.st_size)
    return NpySource(path, header, data_offset, FileStamp.of(status))


def _check_size(header: ArrayHeader, data_offset: int, size: int) -> None:
    expected = data_offset + header.nbytes
    if size == expected:
        return
    difference = abs(size - expected)
    what = "the file is truncated" if size < expected else "bytes follow the array"
    raise InputError(
        f"{header.name}: {what}",
        cause=f"{size} bytes on disk; {expected} by the header (shape {header.shape}, {header.dtype}): "
        f"{difference} {'missing' if size < expected else 'too many'}",
        next="copy or write the file again" if size < expected else "write the array again with numpy.save",
    )
