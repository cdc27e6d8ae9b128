"""The partials of blocks that are done, one after another in one file; the ledger says where each lies."""

from __future__ import annotations

import math
import os
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .. import disk
from ..stages.kernels import Partial
from .files import broken, create_file, writing

__all__ = ["PartialArray", "PartialRef", "PartialsFile"]

_Order: TypeAlias = Literal["C", "F"]


@dataclass(frozen=True, slots=True)
class PartialArray:
    """One array of a partial. Its memory order is kept, for sums over it may go by that order.

    Parameters
    ----------
    shape : tuple of int
    dtype : str
        As NumPy spells it, with the byte order: ``<f8``.
    order : {"C", "F"}
    """

    shape: tuple[int, ...]
    dtype: str
    order: _Order


@dataclass(frozen=True, slots=True)
class PartialRef:
    """Where a partial lies.

    Parameters
    ----------
    offset, nbytes : int
    crc32 : int
    arrays : tuple of PartialArray
        One after another, without gaps.
    """

    offset: int
    nbytes: int
    crc32: int
    arrays: tuple[PartialArray, ...]

    def to_json(self) -> dict[str, Any]:
        """Return what the ledger keeps of it."""
        arrays = [{"shape": list(a.shape), "dtype": a.dtype, "order": a.order} for a in self.arrays]
        return {"offset": self.offset, "nbytes": self.nbytes, "crc32": self.crc32, "arrays": arrays}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Self:
        """Return what `to_json` wrote down.

        Raises
        ------
        KeyError, TypeError
            If it is something else.
        """
        arrays = (PartialArray(tuple(a["shape"]), a["dtype"], a["order"]) for a in record["arrays"])
        return cls(record["offset"], record["nbytes"], record["crc32"], tuple(arrays))


@dataclass(slots=True)
class PartialsFile:
    """The file of partials, written by the one process that holds the lock of the job.

    Parameters
    ----------
    path : Path
    descriptor : int
        -1 before the first partial and once closed.
    size : int
        Where the next partial goes.
    """

    path: Path
    descriptor: int
    size: int
    _is_unsynced: bool = False
    _is_broken: bool = False

    @classmethod
    def open(cls, path: Path, good_bytes: int) -> Self:
        """Open the file without what lies behind `good_bytes`, if it is there, and make the rest of it durable.

        Raises
        ------
        JobError
        """
        partials = cls(path, -1, good_bytes)
        if path.exists():
            try:
                partials._cut()
            except BaseException:
                partials.close()
                raise
        return partials

    def append(self, partial: Partial) -> PartialRef:
        """Write a partial, which is durable after the next `sync`.

        Parameters
        ----------
        partial : tuple of ndarray

        Raises
        ------
        TypeError
            For an array of Python objects.
        JobError
        """
        if any(array.dtype.hasobject for array in partial):
            raise TypeError("a partial of Python objects has no bytes of its own")
        arrays, crc32, nbytes = [], 0, 0
        with writing(self.path):
            if self.descriptor < 0:
                self._create()
            for array in partial:
                described = PartialArray(array.shape, array.dtype.str, _order(array))
                content = array.tobytes(order=described.order)
                crc32 = zlib.crc32(content, crc32)
                self._write(content, self.size + nbytes)
                nbytes += len(content)
                arrays.append(described)
        ref = PartialRef(self.size, nbytes, crc32, tuple(arrays))
        self.size += nbytes
        return ref

    def sync(self) -> None:
        """Return when all partials are durable.

        Raises
        ------
        JobError
            If that fails, and from then on.
        """
        if self._is_broken:
            raise broken(self.path)
        if self._is_unsynced:
            with writing(self.path):
                try:
                    disk.fdatasync(self.descriptor)
                except OSError:
                    self._is_broken = True
                    raise
            self._is_unsynced = False

    def read(self, ref: PartialRef) -> Partial | None:
        """Return a partial, or None if its bytes are not what was written."""
        content = self._read(ref.offset, ref.nbytes)
        if len(content) != ref.nbytes or zlib.crc32(content) != ref.crc32:
            return None
        try:
            return _arrays(content, ref.arrays)
        except (ValueError, TypeError):
            return None

    def close(self) -> None:
        """Close the file."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    def _cut(self) -> None:
        with writing(self.path):
            self._create()
            if os.fstat(self.descriptor).st_size > self.size:
                disk.ftruncate(self.descriptor, self.size)
        self.sync()

    def _create(self) -> None:
        self.descriptor = create_file(self.path, os.O_RDWR)
        disk.fsync_folder(self.path.parent)
        self._is_unsynced = True

    def _write(self, content: bytes, offset: int) -> None:
        rest = memoryview(content)
        while rest:
            n_written = disk.pwritev(self.descriptor, [rest], offset)
            rest, offset = rest[n_written:], offset + n_written
        self._is_unsynced = True

    def _read(self, offset: int, nbytes: int) -> bytes:
        if self.descriptor < 0 or os.fstat(self.descriptor).st_size < offset + nbytes:
            return b""
        parts: list[bytes] = []
        while nbytes and (part := os.pread(self.descriptor, nbytes, offset)):
            parts.append(part)
            offset, nbytes = offset + len(part), nbytes - len(part)
        return b"".join(parts)


def _order(array: NDArray[Any]) -> _Order:
    return "F" if array.flags.f_contiguous and not array.flags.c_contiguous else "C"


def _arrays(content: bytes, described: tuple[PartialArray, ...]) -> Partial:
    arrays, offset = [], 0
    for one in described:
        dtype = np.dtype(one.dtype)
        n_items = math.prod(one.shape)
        flat = np.frombuffer(content, dtype, n_items, offset) if n_items else np.empty(0, dtype)
        # copied: it may be unaligned here, and it can be written to then, as one that a worker returned
        arrays.append(flat.reshape(one.shape, order=one.order).copy(order=one.order))
        offset += n_items * dtype.itemsize
    return tuple(arrays)
