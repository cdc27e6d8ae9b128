"""Regions of an open ``.npy`` file: viewed where that is safe, else read, in few calls and bounded scratch."""

from __future__ import annotations

import errno
import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...blocks import Region, Shape
from ...errors import InputChangedError
from ...headers import ArrayHeader
from ..files import cannot_read
from ..runs import Piece, byte_strides, cut
from ..source import check_block, view_of
from ..transfer import contiguous_bytes, evenly_split, read_into, rows_of
from .views import NpyViews

__all__ = ["NpyReader"]

SCRATCH_BYTES = 4 * 2**20
"""Staging of one reader. Reused: the pages of a fresh buffer cost more than the copy (0.4 GB/s on virtual machines)."""

GAP_BYTES = 16 * 1024
"""Gaps up to this are read and thrown away: a call costs as much as copying some 16 KiB."""

DIRECT_BYTES = 4 * 1024
"""Runs of `out` from this length on are read into directly; shorter ones are copied from the scratch."""


class NpyReader:
    """An open ``.npy`` file. One thread at a time: the scratch is shared by its reads.

    Parameters
    ----------
    descriptor : int
        The open file; closed by who opened it.
    header : ArrayHeader
    data_offset : int
        Position of the first element in the file, in bytes.
    views : NpyViews, optional
        Views of the file; there are none when left out.
    """

    __slots__ = ("_data_offset", "_descriptor", "_header", "_scratch", "_views")

    def __init__(
        self, descriptor: int, header: ArrayHeader, data_offset: int, *, views: NpyViews | None = None
    ) -> None:
        self._descriptor = descriptor
        self._views = views
        self._header = header
        self._data_offset = data_offset
        self._scratch: NDArray[np.uint8] | None = None

    def view(self, region: Region, *, is_kept: bool = False) -> NDArray[Any] | None:
        """Return a read-only view of a region, or None where it is to be read.

        Parameters
        ----------
        region : tuple of (start, stop)
        is_kept : bool
            It will be looked at many times: all of it is brought into memory now.

        Raises
        ------
        InputChangedError
            If the file ends early.
        InputError
            If the device fails.
        """
        if self._views is None:
            return None
        try:
            return self._views.view(region, is_kept=is_kept)
        except OSError as error:
            size = os.fstat(self._descriptor).st_size
            if error.errno == errno.EFAULT and size < self._header.nbytes + self._data_offset:
                raise self._truncated(size) from error
            raise cannot_read(self._header.name, error) from error

    def expect(self, region: Region) -> None:
        """Let the disk begin to read a region, unless the kernel does; what is in memory costs 3 us a megabyte."""
        if self._views is not None and self._views.gain_by_asking:
            for start, stop in self._views.pages(region):
                os.posix_fadvise(self._descriptor, start, stop - start, os.POSIX_FADV_WILLNEED)

    def read(self, region: Region, out: NDArray[Any]) -> int:
        """Fill `out` with a region and return the bytes read from the file, gaps that were thrown away included.

        Raises
        ------
        InputChangedError
            If the file ends early.
        InputError
            If the device fails.
        ValueError, TypeError
            If `out` cannot hold the region, or is read-only.
        """
        header = self._header
        check_block(header, region, out)
        if not out.flags.writeable:
            raise ValueError("cannot read into a read-only array")
        shape = header.shape
        if header.order == "F":
            shape, region, out = shape[::-1], region[::-1], out.T
        direct = out.dtype == header.dtype and contiguous_bytes(out) >= min(DIRECT_BYTES, out.nbytes)
        pieces = cut(
            shape, header.dtype.itemsize, region, gap_bytes=GAP_BYTES, limit_bytes=SCRATCH_BYTES, direct=direct
        )
        moved = 0
        for piece in pieces:
            moved += self._read_piece(piece, view_of(out, piece.region, origin=region), shape, direct)
        return moved

    def _read_piece(self, piece: Piece, out: NDArray[Any], shape: Shape, direct: bool) -> int:
        dtype = self._header.dtype
        if piece.kind == "cover":
            # The bytes from the first to the last element, seen with the strides of the file.
            moved = self._fill([self._staging()[: piece.span].data], piece.offset)
            strides = byte_strides(shape, dtype.itemsize)
            out[...] = np.ndarray(out.shape, dtype, buffer=self._staging(), strides=strides)
        elif direct:
            moved = self._read_runs(piece, out)
        else:
            packed = self._staging()[: out.nbytes].view(dtype).reshape(out.shape)
            moved = self._read_runs(piece, packed)
            out[...] = packed
        return moved

    def _read_runs(self, piece: Piece, out: NDArray[Any]) -> int:
        buffers = rows_of(out)
        if piece.kind == "run":
            return self._fill(buffers, piece.offset)
        moved = 0
        for i, row in enumerate(evenly_split(buffers, piece.count)):
            moved += self._fill(row, piece.offset + i * piece.step)
        return moved

    def _fill(self, buffers: list[memoryview], offset: int) -> int:
        offset += self._data_offset
        try:
            moved = read_into(self._descriptor, buffers, offset)
        except OSError as error:
            raise cannot_read(self._header.name, error, f" at byte {offset}") from error
        if moved < sum(buffer.nbytes for buffer in buffers):
            raise self._truncated(offset + moved)
        return moved

    def _truncated(self, at_byte: int) -> InputChangedError:
        return InputChangedError(
            f"{self._header.name}: the file was truncated at byte {at_byte} while it was read",
            cause=f"{self._header.nbytes + self._data_offset} bytes were there when the job was planned",
            next="restore the file and run the job again",
        )

    def _staging(self) -> NDArray[np.uint8]:
        if self._scratch is None:
            self._scratch = np.empty(SCRATCH_BYTES, np.uint8)
        return self._scratch
