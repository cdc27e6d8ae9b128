"""Files of a run: inputs made once, page cache warm or cold, outputs poisoned before each measurement."""

from __future__ import annotations

import math
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.format import open_memmap
from numpy.typing import NDArray

from .cases import Matrix

__all__ = ["HALF_SCALE", "cool", "make_input", "poison", "sync", "warm"]

HALF_SCALE = 2.0**-4
"""float16 files have this mean and standard deviation."""
_NUMBERS_AT_ONCE = 1 << 22
_BUFFER_BYTES = 4 << 20
_MOST_POISON_BYTES = 1 << 30


def make_input(folder: Path, matrix: Matrix) -> Path:
    """Return the file of a matrix, made now if it is not there."""
    path = folder / matrix.file_name
    if path.exists():
        return path
    partial = path.with_suffix(".partial")
    array = open_memmap(partial, "w+", np.dtype(matrix.dtype), (matrix.rows, matrix.columns))
    step = max(_NUMBERS_AT_ONCE // matrix.columns, 1)
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        starts = range(0, matrix.rows, step)
        list(pool.map(lambda start: _draw(matrix, start, array[start : start + step]), starts))
    array.flush()
    # renamed when whole: an interrupted run leaves no half of an input to the next
    return partial.rename(path)


def _draw(matrix: Matrix, start: int, out: NDArray[Any]) -> None:
    drawn = np.float64 if matrix.dtype == "float64" else np.float32
    numbers = np.random.default_rng((matrix.seed, start)).standard_normal(out.shape, drawn)
    numbers += drawn(1)
    if matrix.dtype == "float16":
        # sums of 65536 products would leave the range of float16
        numbers *= drawn(HALF_SCALE)
    out[...] = numbers


def poison(path: Path, shape: tuple[int, ...], dtype: str) -> None:
    """Write an output full of NaN, so that what a contender does not write is seen; remove one of more than 1 GiB.

    All contenders make a new file, in which what they do not write is 0: a wrong result, too.
    """
    path.unlink(missing_ok=True)
    if math.prod(shape) * np.dtype(dtype).itemsize > _MOST_POISON_BYTES:
        return
    array = open_memmap(path, "w+", np.dtype(dtype), shape)
    array[...] = np.nan
    array.flush()


def warm(path: Path) -> None:
    """Read a file through, so that its pages are in memory."""
    buffer = bytearray(_BUFFER_BYTES)
    with open(path, "rb", buffering=0) as file:
        while file.readinto(buffer):
            pass


def cool(path: Path) -> None:
    """Ask the kernel to drop a file's pages from memory."""
    with open(path, "rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def sync(path: Path) -> None:
    """Return when a file is on disk: what one contender wrote must not be flushed during the next one's turn."""
    with open(path, "rb") as file:
        os.fsync(file.fileno())
