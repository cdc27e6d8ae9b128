"""``.npy`` files as targets: the workers' side of an output that its driver has created at full size."""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ... import disk
from ...blocks import Region
from ...errors import DiskFullError, InputError, JobError, OutputFailedError
from ...headers import ArrayHeader
from ..files import TRANSIENT
from ..runs import cut
from ..source import check_block, view_of
from ..transfer import contiguous_bytes, evenly_split, rows_of, write_from
from .reader import NpyReader

__all__ = ["NpyTarget", "NpyWriter", "begin_writeback", "cannot_write"]

SCRATCH_BYTES = 4 * 2**20
"""Staging of one writer, for blocks that are not in the file's layout or byte order."""

DIRECT_BYTES = 4 * 1024
"""Runs of a block from this length on are written directly; shorter ones are packed in the scratch."""

_SYNC_FILE_RANGE_WRITE = 2
"""From <fcntl.h>: start to write, wait for nothing."""

_DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


@dataclass(frozen=True, slots=True)
class NpyTarget:
    """A ``.npy`` file of full size under its temporary name, to be written by region by any number of processes.

    Regions must not overlap. Nothing but the elements of a region is ever written.

    Parameters
    ----------
    path : str
        Absolute; the temporary name.
    header : ArrayHeader
        Named after the final name.
    data_offset : int
        Position of the first element in the file, in bytes.
    device, inode : int
        The file that the driver created: a late writer of an earlier run must not touch the next run's file.
    """

    path: str
    header: ArrayHeader
    data_offset: int
    device: int
    inode: int

    @property
    def T(self) -> NpyTarget:  # noqa: N802 - NumPy's name
        """The same file with the axes reversed; nothing is copied."""
        return self if self.header.ndim < 2 else replace(self, header=self.header.T)

    @contextmanager
    def open(self, *, durable: bool = False) -> Iterator[NpyWriter]:
        """Open the file for writing.

        Parameters
        ----------
        durable : bool
            True: on leaving without an error, everything written is on disk (fdatasync). False: the kernel has been
            told to begin, so that publishing, which waits for the disk, does not wait long.

        Raises
        ------
        JobError
            If the file is gone or is no longer the one that the driver created.
        DiskFullError
            If it is.
        """
        descriptor = self._open(os.O_WRONLY)
        try:
            yield NpyWriter(descriptor, self.header, self.data_offset)
            if durable:
                self._sync(descriptor)
            else:
                begin_writeback(descriptor)
        finally:
            os.close(descriptor)

    @contextmanager
    def reader(self) -> Iterator[NpyReader]:
        """Open the file for reading what has been written so far.

        Raises
        ------
        JobError
            As `open` does; also if the file is too short or the device fails.
        """
        descriptor = self._open(os.O_RDONLY)
        try:
            yield NpyReader(descriptor, self.header, self.data_offset)
        except InputError as error:
            raise JobError(
                f"{self.header.name}: what was written cannot be read back",
                cause=f"{error.what} ({error.cause})",
                next="check the disk, and run the job again",
            ) from error
        finally:
            os.close(descriptor)

    def _open(self, mode: int) -> int:
        try:
            descriptor = os.open(self.path, mode | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError as error:
            raise cannot_write(self.header.name, error) from error
        try:
            self._check(os.fstat(descriptor))
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    def _check(self, status: os.stat_result) -> None:
        if (status.st_dev, status.st_ino) != (self.device, self.inode):
            raise JobError(
                f"{self.header.name}: its temporary file was replaced while the job ran",
                cause=f"inode {self.inode} was created, inode {status.st_ino} is there: {self.path}",
                next="run the job again, with nothing else writing there",
            )

    def _sync(self, descriptor: int) -> None:
        try:
            disk.fdatasync(descriptor)
        except OSError as error:
            raise cannot_write(self.header.name, error) from error


class NpyWriter:
    """An open target. One thread at a time: the scratch is shared by its writes.

    Parameters
    ----------
    descriptor : int
        The open file; closed by who opened it.
    header : ArrayHeader
    data_offset : int
        Position of the first element in the file, in bytes.
    """

    __slots__ = ("_data_offset", "_descriptor", "_header", "_scratch")

    def __init__(self, descriptor: int, header: ArrayHeader, data_offset: int) -> None:
        self._descriptor = descriptor
        self._header = header
        self._data_offset = data_offset
        self._scratch: NDArray[np.uint8] | None = None

    def write(self, region: Region, block: NDArray[Any]) -> int:
        """Write a block to its region and return its bytes.

        Parameters
        ----------
        region : tuple of (start, stop)
        block : ndarray
            Of the region's shape; any layout; the target's dtype in any byte order.

        Raises
        ------
        DiskFullError
            If it is.
        JobError
            If the device fails.
        ValueError, TypeError
            If the block is not one of this region.
        """
        header = self._header
        check_block(header, region, block)
        shape = header.shape
        if header.order == "F":
            shape, region, block = shape[::-1], region[::-1], block.T
        direct = block.dtype == header.dtype and contiguous_bytes(block) >= min(DIRECT_BYTES, block.nbytes)
        # No covers: to write back what lies between two runs would undo another worker's block.
        pieces = cut(shape, header.dtype.itemsize, region, gap_bytes=0, limit_bytes=SCRATCH_BYTES, direct=direct)
        for piece in pieces:
            part = view_of(block, piece.region, origin=region)
            buffers = rows_of(part if direct else self._packed(part))
            for i, row in enumerate(evenly_split(buffers, piece.count)):
                self._put(row, piece.offset + i * piece.step)
        return block.nbytes

    def _packed(self, part: NDArray[Any]) -> NDArray[Any]:
        if self._scratch is None:
            self._scratch = np.empty(SCRATCH_BYTES, np.uint8)
        packed = self._scratch[: part.nbytes].view(self._header.dtype).reshape(part.shape)
        packed[...] = part
        return packed

    def _put(self, buffers: list[memoryview], offset: int) -> None:
        try:
            write_from(self._descriptor, buffers, offset + self._data_offset)
        except OSError as error:
            raise cannot_write(self._header.name, error) from error


def cannot_write(name: str, error: OSError) -> JobError:
    """Return the error for an output that the system does not let us write."""
    if error.errno in _DISK_FULL:
        return DiskFullError(
            f"{name}: the disk is full, or a quota or limit of file size is reached",
            cause=error.strerror or str(error),
            next="make room, or give the output a place on another disk",
        )
    if error.errno in {errno.ENOENT, errno.ENOTDIR}:
        return JobError(
            f"{name}: its temporary file is gone",
            cause=f"{error.filename or name}: it or its folder was removed or replaced while the job ran",
            next="run the job again, and leave the folder in place until it is done",
        )
    kind = OutputFailedError if error.errno in TRANSIENT else JobError
    return kind(
        f"{name}: cannot be written",
        cause=f"{error.strerror or error} ({error.filename or name})",
        next="check the disk and the folder, and run the job again",
    )


def begin_writeback(descriptor: int) -> None:
    """Tell the kernel to begin writing a file's dirty pages to disk, and return at once.

    Otherwise they pile up until the kernel stops every writer at a fifth of the memory.
    """
    # Absent outside Linux, and refused by some file systems: then the final sync does it all.
    if (sync_file_range := getattr(ctypes.CDLL(None), "sync_file_range", None)) is not None:
        sync_file_range(descriptor, ctypes.c_int64(0), ctypes.c_int64(0), _SYNC_FILE_RANGE_WRITE)
