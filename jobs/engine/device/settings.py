"""How many slots and threads an engine has. None of it changes a bit of an answer."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace

__all__ = ["Settings"]

_SHARE_OF_MEMORY = 10
"""At most a tenth of the host's memory is pinned: what is pinned is lost to the page cache."""

_SMALLEST_SLOT = 1 << 20


@dataclass(frozen=True, slots=True)
class Settings:
    """The size of an engine.

    Parameters
    ----------
    slot_bytes : int
        Of one pinned slot: a power of two, to which torch would round it up.
    n_in, n_out : int
        Pinned slots on the way to the device and back.
    n_readers, n_writers : int
        Threads.
    n_slabs : int
        Device slots of an operand whose slabs pass through: one is multiplied, one is filled.
    n_results : int
        Tiles of the result: one is computed while the other is copied out.
    """

    slot_bytes: int = 64 << 20
    n_in: int = 24
    n_out: int = 8
    n_readers: int = 6
    n_writers: int = 4
    n_slabs: int = 2
    n_results: int = 2

    def within(self, host_bytes: int, largest_bytes: int) -> Settings:
        """Return settings whose pinned slots take at most `host_bytes`, or as little as is sensible.

        Parameters
        ----------
        host_bytes : int
            What a task may take on the host; 0: a tenth of the machine's memory.
        largest_bytes : int
            The largest slab, or stripe of a result: slots need not be larger.

        Examples
        --------
        >>> Settings().within(256 << 20, 1 << 30)
        Settings(slot_bytes=33554432, n_in=6, n_out=2, n_readers=6, n_writers=4, n_slabs=2, n_results=2)
        """
        allowed = host_bytes or _memory_bytes() // _SHARE_OF_MEMORY
        slot = min(self.slot_bytes, max(_power_of_two(largest_bytes), min(_SMALLEST_SLOT, self.slot_bytes)))
        n_in, n_out = self.n_in, self.n_out
        while (n_in + n_out) * slot > allowed:
            if n_in > 6:
                n_in, n_out = max(n_in // 2, 6), max(n_out // 2, 2)
            elif slot > _SMALLEST_SLOT:
                slot //= 2
            else:
                break
        return replace(self, slot_bytes=slot, n_in=n_in, n_out=n_out)


def _power_of_two(n_bytes: int) -> int:
    return 1 << max(n_bytes - 1, 0).bit_length()


def _memory_bytes() -> int:
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
