"""Whole reads and writes at an offset: short transfers go on, and each call stays under the kernel's limits."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import disk

__all__ = ["byte_view", "contiguous_bytes", "evenly_split", "read_into", "rows_of", "write_from"]

MAX_CALL_BYTES = 0x7FFFF000
"""The most that one read or write moves on Linux (read(2)): 2 GiB less a page."""

MAX_CALL_BUFFERS = 1024
"""IOV_MAX on Linux."""


def read_into(descriptor: int, buffers: Sequence[memoryview], offset: int) -> int:
    """Fill `buffers` in turn from `offset` on and return the bytes read: fewer than asked for at the end of the file.

    Raises
    ------
    OSError
        If the device fails.
    """
    return _transfer(os.preadv, descriptor, buffers, offset)


def write_from(descriptor: int, buffers: Sequence[memoryview], offset: int) -> int:
    """Write `buffers` one after the other from `offset` on and return the bytes written: all of them.

    Raises
    ------
    OSError
        If the disk is full or fails.
    """
    wanted = sum(buffer.nbytes for buffer in buffers)
    done = _transfer(disk.pwritev, descriptor, buffers, offset)
    if done < wanted:
        raise OSError(errno.EIO, f"{done} of {wanted} bytes were taken, and no reason given")
    return done


def _transfer(
    call: Callable[[int, list[memoryview], int], int], descriptor: int, buffers: Sequence[memoryview], offset: int
) -> int:
    waiting = [buffer for buffer in reversed(buffers) if buffer.nbytes]
    done = 0
    while waiting:
        batch = _take(waiting, MAX_CALL_BYTES, MAX_CALL_BUFFERS)
        moved = call(descriptor, batch, offset + done)
        done += moved
        waiting.extend(reversed(batch))
        _drop(waiting, moved)
        if moved == 0:
            break
    return done


def _take(waiting: list[memoryview], room: int, n_most: int | None = None) -> list[memoryview]:
    """Take buffers of `room` bytes, or `n_most` of them, from the end of `waiting`."""
    batch: list[memoryview] = []
    while waiting and room and len(batch) != n_most:
        buffer = waiting.pop()
        if buffer.nbytes > room:
            waiting.append(buffer[room:])
            buffer = buffer[:room]
        batch.append(buffer)
        room -= buffer.nbytes
    return batch


def _drop(waiting: list[memoryview], moved: int) -> None:
    while moved:
        buffer = waiting.pop()
        if buffer.nbytes > moved:
            waiting.append(buffer[moved:])
        moved -= min(moved, buffer.nbytes)


def contiguous_bytes(array: NDArray[Any]) -> int:
    """Return the length in bytes of the contiguous runs that an array in C order is made of.

    >>> contiguous_bytes(np.zeros((4, 8), np.uint8)), contiguous_bytes(np.zeros((4, 8), np.uint8)[:, 1:4])
    (32, 3)
    """
    return int(array[_run_start(array)].nbytes) if array.size else 0


def rows_of(array: NDArray[Any]) -> list[memoryview]:
    """Return the contiguous runs of an array, as writable bytes where the array is writable, in C order.

    >>> [row.nbytes for row in rows_of(np.zeros((4, 8), np.uint8)[:2, 1:4])]
    [3, 3]
    """
    n_outer = len(_run_start(array)) - 1
    return [byte_view(array[(*index, ...)]) for index in np.ndindex(array.shape[:n_outer])]


def evenly_split(buffers: Sequence[memoryview], count: int) -> Iterator[list[memoryview]]:
    """Yield `count` lists of buffers, equal in bytes, that follow one another in `buffers`.

    >>> parts = evenly_split([memoryview(bytes(6)), memoryview(bytes(6))], 3)
    >>> [[buffer.nbytes for buffer in part] for part in parts]
    [[4], [2, 2], [4]]
    """
    share = sum(buffer.nbytes for buffer in buffers) // count
    waiting = list(reversed(buffers))
    for _ in range(count):
        yield _take(waiting, share)


def byte_view(array: NDArray[Any]) -> memoryview:
    """Return the bytes of a contiguous array without copying, whatever its dtype.

    >>> byte_view(np.zeros(3, ">f4")).nbytes
    12
    """
    return array.reshape(-1).view(np.uint8).data


def _run_start(array: NDArray[Any]) -> tuple[Any, ...]:
    """Return the index of the first contiguous run: one 0 for each axis that is not part of it, and an ellipsis."""
    expected = array.itemsize
    n_outer = array.ndim
    for axis in reversed(range(array.ndim)):
        if array.shape[axis] > 1 and array.strides[axis] != expected:
            break
        expected *= array.shape[axis]
        n_outer = axis
    return (*(0,) * n_outer, ...)
