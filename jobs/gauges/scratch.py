"""The file that reading and writing are measured on: it loses its name at once, so that nothing can be left behind."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .. import disk

__all__ = ["SCRATCH_BYTES", "empty", "is_reserved", "scratch_file"]

SCRATCH_BYTES = 64 << 20
"""More than the last cache of most processors holds, so that reading comes from memory, as that of an array does."""
_SPARE = 4
_BLOCK_BYTES = 512
"""The unit of `st_blocks`."""


@contextmanager
def scratch_file(folder: Path, n_bytes: int = SCRATCH_BYTES) -> Iterator[int]:
    """Yield the descriptor of an empty file without a name: any end of the process frees it.

    Raises
    ------
    OSError
        If the folder cannot be written, or its disk has less than four times the room.
    """
    if (free := shutil.disk_usage(folder).free) < _SPARE * n_bytes:
        raise OSError(f"{folder} has only {free >> 20} MiB free")
    descriptor, path = tempfile.mkstemp(prefix=".arraymill-gauge-", dir=folder)
    try:
        os.unlink(path)  # noqa: PTH108 - a name of ours alone
        yield descriptor
    finally:
        os.close(descriptor)


def empty(descriptor: int, n_bytes: int) -> None:
    """Give the file fresh, reserved blocks, as an output has them: none of its pages is in memory.

    Raises
    ------
    OSError
        If they are not there.
    """
    os.ftruncate(descriptor, 0)
    disk.reserve(descriptor, n_bytes)


def is_reserved(descriptor: int) -> bool:
    """Return whether the disk has set aside all blocks; else a store through a map may end the process."""
    status = os.fstat(descriptor)
    return status.st_blocks * _BLOCK_BYTES >= status.st_size
