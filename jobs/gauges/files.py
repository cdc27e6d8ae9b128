"""Rates of files in the page cache: read into a buffer, copied out of a map, written by some, stored through a map."""

from __future__ import annotations

import mmap
import os
import time
from collections.abc import Callable

import numpy as np

from .scratch import SCRATCH_BYTES, empty, is_reserved
from .tries import best_rate, crew

__all__ = ["durable_rate", "fill", "map_read_rate", "map_write_rate", "read_rate", "write_rate"]

_CHUNK_BYTES = 1 << 20
"""Of one call: stays in a core's cache, as the buffers of reductions do."""
_DURABLE_BYTES = 8 << 20


def fill(descriptor: int, slice_s: float, n_bytes: int = SCRATCH_BYTES) -> int:
    """Write to the file for a slice of time, and return how many bytes it has then: at least one chunk."""
    chunk, end_s = _chunk(), time.perf_counter() + slice_s
    for offset in range(0, n_bytes, _CHUNK_BYTES):
        os.pwrite(descriptor, chunk, offset)
        if time.perf_counter() >= end_s:
            break
    return os.fstat(descriptor).st_size


def read_rate(descriptor: int, slice_s: float, *, n_bytes: int, n_readers: int = 1) -> float:
    """Return bytes per second that some readers copy from the page cache into a buffer each."""
    buffers = [bytearray(_CHUNK_BYTES) for _ in range(n_readers)]

    def read(number: int, offset: int) -> int:
        return os.preadv(descriptor, [buffers[number]], offset)

    return _together(read, slice_s, n_bytes=n_bytes, n_threads=n_readers)


def map_read_rate(descriptor: int, slice_s: float, *, n_bytes: int) -> float:
    """Return bytes per second that one thread copies out of a map of the file into a buffer."""
    buffer = np.empty(_CHUNK_BYTES, np.uint8)
    with mmap.mmap(descriptor, n_bytes, access=mmap.ACCESS_READ) as memory:

        def copy(number: int, offset: int) -> int:
            chunk = np.frombuffer(memory, np.uint8, min(_CHUNK_BYTES, n_bytes - offset), offset)
            np.copyto(buffer[: chunk.size], chunk)
            return chunk.size

        return _together(copy, slice_s, n_bytes=n_bytes)


def write_rate(descriptor: int, slice_s: float, *, n_writers: int = 1, n_bytes: int = SCRATCH_BYTES) -> float:
    """Return bytes per second that some writers bring into disjoint parts of a reserved file, in the page cache."""
    chunk = _chunk()

    def write(number: int, offset: int) -> int:
        return os.pwrite(descriptor, chunk, offset)

    return _together(write, slice_s, n_bytes=n_bytes, n_threads=n_writers, prepare=lambda: empty(descriptor, n_bytes))


def map_write_rate(descriptor: int, slice_s: float, *, n_bytes: int = SCRATCH_BYTES) -> float:
    """Return bytes per second that one thread stores through a map of a reserved file.

    Raises
    ------
    OSError
        If the file system cannot reserve room.
    """
    chunk = np.frombuffer(_chunk(), np.uint8)
    empty(descriptor, n_bytes)
    if not is_reserved(descriptor):
        raise OSError("the file system cannot reserve room")
    with mmap.mmap(descriptor, n_bytes, access=mmap.ACCESS_WRITE) as memory:

        def store(number: int, offset: int) -> int:
            np.copyto(np.frombuffer(memory, np.uint8, _CHUNK_BYTES, offset), chunk)
            return _CHUNK_BYTES

        # truncating the file takes its pages out of the map: each try meets them for the first time
        return _together(store, slice_s, n_bytes=n_bytes, prepare=lambda: empty(descriptor, n_bytes))


def durable_rate(descriptor: int, slice_s: float, *, n_bytes: int = _DURABLE_BYTES) -> float:
    """Return bytes per second that one writer brings to the disk."""
    chunk = _chunk()

    def write() -> int:
        written = sum(os.pwrite(descriptor, chunk, offset) for offset in range(0, n_bytes, _CHUNK_BYTES))
        os.fdatasync(descriptor)
        return written

    return best_rate(write, slice_s, prepare=lambda: empty(descriptor, n_bytes))


def _together(
    move: Callable[[int, int], int],
    slice_s: float,
    *,
    n_bytes: int,
    n_threads: int = 1,
    prepare: Callable[[], object] = lambda: None,
) -> float:
    """Return bytes per second that threads move, each in its own part of the file; a pass that takes too long ends."""
    share = -(-n_bytes // n_threads // _CHUNK_BYTES) * _CHUNK_BYTES
    end_s = time.perf_counter() + 2 * slice_s

    def move_share(number: int) -> float:
        moved = 0
        for offset in range(number * share, min((number + 1) * share, n_bytes), _CHUNK_BYTES):
            moved += move(number, offset)
            if time.perf_counter() >= end_s:
                break
        return moved

    with crew(n_threads) as together:
        return best_rate(lambda: together(move_share), slice_s, prepare=prepare)


def _chunk() -> bytes:
    # Not zeros: some file systems store those as holes.
    return os.urandom(_CHUNK_BYTES)
