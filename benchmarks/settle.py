"""Memory that is ready to be given: touched, and given back, right before the clock of a turn starts.

A virtual machine's host takes back what its guest leaves free, within seconds, and backs it anew at the first touch: at
0.5 GB/s where memory used a moment ago is given at 11 GB/s (both measured). Whoever allocates most would look slow by
that, and by luck.
"""

from __future__ import annotations

import mmap
from pathlib import Path

__all__ = ["available_bytes", "bytes_to_touch", "settle"]

_SHARE = 0.8
_SPARE_BYTES = 256 << 20


def bytes_to_touch(needed_bytes: int, available: int) -> int:
    """Return how much is touched for who needs so much: some more, and never so much that anything is pushed out.

    >>> bytes_to_touch(0, 10**10) >> 20, bytes_to_touch(10**11, 10**10)
    (256, 8000000000)
    """
    return min(needed_bytes + _SPARE_BYTES, int(available * _SHARE))


def available_bytes() -> int:
    """Return the memory that programs can have without anything being pushed out."""
    lines = Path("/proc/meminfo").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith("MemAvailable:"))


def settle(needed_bytes: int) -> None:
    """Touch memory in this process, and give it back."""
    n_bytes = bytes_to_touch(needed_bytes, available_bytes())
    with mmap.mmap(-1, n_bytes, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as memory:
        # in pages as large as NumPy asks for: after small ones it still got no more than 1 to 3 GB/s
        memory.madvise(mmap.MADV_HUGEPAGE)
        for offset in range(0, n_bytes, mmap.PAGESIZE):
            memory[offset] = 1
