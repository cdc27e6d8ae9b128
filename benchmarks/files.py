"""Files of a run: inputs made once, page cache warm or cold, outputs poisoned before each measurement."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from numpy.lib.format import open_memmap

from .cases import Matrix

__all__ = ["cool", "make_input", "poison", "sync", "warm"]

_ROWS_AT_ONCE = 1 << 13
_BUFFER_BYTES = 4 << 20


def make_input(folder: Path, matrix: Matrix) -> Path:
    """Return the file of a matrix, made now if it is not there."""
    path = folder / matrix.file_name
    if path.exists():
        return path
    partial = path.with_suffix(".partial")
    generator = np.random.default_rng(matrix.seed)
    array = open_memmap(partial, "w+", np.float32, (matrix.rows, matrix.columns))
    for start in range(0, matrix.rows, _ROWS_AT_ONCE):
        block = array[start : start + _ROWS_AT_ONCE]
        np.add(generator.standard_normal(block.shape, np.float32), np.float32(1), out=block)
    array.flush()
    # renamed when whole: an interrupted run leaves no half of an input to the next
    return partial.rename(path)


def poison(path: Path, shape: tuple[int, ...]) -> None:
    """Write an output full of NaN, so that what a contender does not write is seen."""
    path.unlink(missing_ok=True)
    array = open_memmap(path, "w+", np.float32, shape)
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
