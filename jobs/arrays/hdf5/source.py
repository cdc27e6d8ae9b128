"""Datasets of HDF5 files that h5py reads: chunked, compressed, virtual, or of types that HDF5 converts."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from ...blocks import Region, Shape, as_slices
from ...errors import InputError, JobError
from ...headers import ArrayHeader
from ..chunked import ChunkedReader, format_region
from ..files import FileStamp, cannot_read, check_unchanged, open_regular

__all__ = ["BROKEN_HDF5", "Hdf5Source", "broken_hdf5", "open_hdf5_file", "stamp_of"]

BROKEN_HDF5 = (OSError, KeyError, RuntimeError, ValueError, TypeError)
"""What h5py raises on broken files."""


@dataclass(frozen=True, slots=True)
class Hdf5Source:
    """A dataset, opened by each worker for each block: HDF5's handles do not travel.

    Parameters
    ----------
    path : str
        Absolute.
    dataset : str
        Its name in the file.
    header : ArrayHeader
    chunks : tuple of int
        In the stored order of the axes.
    stamps : tuple of (path, FileStamp)
        Of all files that it reads, when it was first opened.
    is_reversed : bool
        The header's axes are those that are stored, reversed.
    """

    path: str
    dataset: str
    header: ArrayHeader
    chunks: Shape
    stamps: tuple[tuple[str, FileStamp], ...]
    is_reversed: bool = False

    @property
    def files(self) -> tuple[str, ...]:
        """All files that it reads: more than one where it is virtual or linked to."""
        return tuple(path for path, _ in self.stamps)

    @property
    def data_offset(self) -> int:
        """Return 0: elements have no place in the file that is known."""
        return 0

    @property
    def T(self) -> Hdf5Source:  # noqa: N802 - NumPy's name
        """The same dataset with the axes reversed."""
        if self.header.ndim < 2:
            return self
        return replace(self, header=self.header.T, is_reversed=not self.is_reversed)

    @contextmanager
    def open(self) -> Iterator[ChunkedReader]:
        """Open the file and check, then and on leaving, that nothing changed since the job was planned.

        Raises
        ------
        InputChangedError
            If a file was changed, replaced or truncated.
        InputError
            If it cannot be read any more.
        """
        name = self.header.name
        self._check()
        with open_hdf5_file(name, self.path) as file:
            dataset = file[self.dataset]

            def load(region: Region, out: NDArray[Any]) -> None:
                try:
                    if region:
                        dataset.read_direct(out, as_slices(region))
                    else:
                        out[...] = dataset[()]
                except BROKEN_HDF5 as error:
                    raise broken_hdf5(name, error, f" of {format_region(region)}") from error

            yield ChunkedReader(self.header, self.chunks, load, is_reversed=self.is_reversed)
        self._check()

    def _check(self) -> None:
        for path, stamp in self.stamps:
            try:
                status = Path(path).stat()
            except OSError as error:
                raise cannot_read(self.header.name, error) from error
            check_unchanged(self.header.name, stamp, status)


@contextmanager
def open_hdf5_file(name: str, path: str) -> Iterator[Any]:
    """Open an HDF5 file for reading.

    Parameters
    ----------
    name : str
        How it is called in messages.
    path : str

    Raises
    ------
    InputError
        If it cannot be opened.
    """
    import h5py  # 0.1 s, which jobs on other files do not spend

    try:
        # a file system without locks is no reason not to read
        file = h5py.File(path, "r", locking="best-effort")
    except JobError:
        raise
    except BROKEN_HDF5 as error:
        raise broken_hdf5(name, error) from error
    with file:
        yield file


def broken_hdf5(name: str, error: Exception, where: str = "") -> InputError:
    """Return the error for a file that HDF5 does not read."""
    if isinstance(error, OSError) and error.errno == errno.EAGAIN:
        return InputError(
            f"{name}: is open for writing in another process",
            cause="HDF5 locked the file: what is read of it now may be half written",
            next="close it there; if nobody writes it, set HDF5_USE_FILE_LOCKING=FALSE",
        )
    if isinstance(error, OSError) and error.errno:
        return cannot_read(name, error)
    said = str(error.args[0]) if error.args else type(error).__name__
    return InputError(
        f"{name}: the HDF5 file is broken", cause=f"HDF5 says{where}: {said}", next="copy or write the file again"
    )


def stamp_of(name: str, path: str) -> FileStamp:
    """Return the stamp of a file that can be read."""
    descriptor, status = open_regular(name, path)
    os.close(descriptor)
    return FileStamp.of(status)
