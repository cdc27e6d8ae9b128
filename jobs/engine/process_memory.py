"""How much memory this process has of its own: what a budget is about."""

from __future__ import annotations

import mmap
import resource
from pathlib import Path

__all__ = ["own_bytes"]


def own_bytes() -> int:
    """Return the resident bytes that are this process's own.

    Pages of mapped files are the kernel's cache, which gives them up under pressure: they are left out. Where the
    system does not tell them apart, the largest resident size so far.

    Examples
    --------
    >>> own_bytes() > 1 << 20
    True
    """
    try:
        # "size resident shared ...", in pages: proc(5)
        fields = Path("/proc/self/statm").read_bytes().split()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
    return (int(fields[1]) - int(fields[2])) * mmap.PAGESIZE
