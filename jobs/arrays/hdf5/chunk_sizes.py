"""What an HDF5 file says of its chunks, looked at before HDF5 believes it.

Of a chunk that is stored in fewer bytes than its filters need HDF5 reads beyond its own memory: the process dies, or
what was there is taken for numbers. Sizes and places are in an index, of which this reads as much as is quick.

References
----------
The HDF Group, "HDF5 File Format Specification", version 3.0, III.A.1 "Disk Format: Level 1A1" (the index of chunks).
"""

from __future__ import annotations

import math
from typing import Any

from ...errors import InputError

__all__ = ["check_chunk_sizes"]

MOST_CHECKED = 100_000
"""Chunks: they take half a second."""

_SHUFFLE, _FLETCHER32 = 2, 3
_CHECKSUM_BYTES = 4


def check_chunk_sizes(name: str, dataset: Any, file_bytes: int) -> None:
    """Check that chunks lie in their file and are as long as they can be.

    Parameters
    ----------
    name : str
        How the dataset is called in messages.
    dataset : h5py.Dataset
        One that is stored in chunks.
    file_bytes : int

    Raises
    ------
    InputError
        Naming the chunk.
    """
    properties = dataset.id.get_create_plist()
    filters = [properties.get_filter(place)[0] for place in range(properties.get_nfilters())]
    least = 1 + _CHECKSUM_BYTES * (_FLETCHER32 in filters)
    n_bytes = math.prod(dataset.chunks) * dataset.dtype.itemsize
    wrong: list[Any] = []
    n_seen = 0

    def look(chunk: Any) -> bool | None:
        nonlocal n_seen
        n_seen += 1
        packs = any(
            code not in (_SHUFFLE, _FLETCHER32) and not chunk.filter_mask >> place & 1
            for place, code in enumerate(filters)
        )
        fits = chunk.size >= least if packs else chunk.size in (n_bytes, n_bytes + _CHECKSUM_BYTES)
        if not fits or chunk.byte_offset + chunk.size > file_bytes:
            wrong.append(chunk)
        return True if wrong or n_seen >= MOST_CHECKED else None

    dataset.id.chunk_iter(look)
    if wrong:
        (chunk,) = wrong
        raise InputError(
            f"{name}: the HDF5 file is broken",
            cause=f"the chunk at {list(chunk.chunk_offset)} has {chunk.size} bytes at byte {chunk.byte_offset} "
            f"of a file of {file_bytes}; {n_bytes} before its filters",
            next="copy or write the file again",
        )
