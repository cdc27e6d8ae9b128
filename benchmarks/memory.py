"""The most anonymous memory that a command and its children held: sampled from outside, so that nobody pays for it.

Anonymous and shared-memory pages cannot be dropped; pages of files can, and are not counted. The kernel keeps no
high-water mark of them, so a peak that is shorter than an interval is missed.
"""

from __future__ import annotations

import threading
from pathlib import Path
from types import TracebackType

__all__ = ["MemorySampler", "anonymous_bytes", "descendants"]

_INTERVAL_S = 0.02
_RESCAN = 8
"""Children are looked for at each eighth sample: listing all processes costs more than reading a few."""


class MemorySampler:
    """Samples a process and all its descendants until it is left.

    Attributes
    ----------
    peak_bytes : int
        Of all processes together.
    peak_worker_bytes : int
        Of the largest one.
    """

    def __init__(self, pid: int) -> None:
        self.peak_bytes = 0
        self.peak_worker_bytes = 0
        self._pid = pid
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> MemorySampler:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _sample(self) -> None:
        number = 0
        pids = [self._pid]
        while True:
            if number % _RESCAN == 0:
                pids = descendants(self._pid)
            sizes = [anonymous_bytes(pid) for pid in pids]
            self.peak_bytes = max(self.peak_bytes, sum(sizes))
            self.peak_worker_bytes = max(self.peak_worker_bytes, *sizes)
            number += 1
            if self._stop.wait(_INTERVAL_S):
                return


def anonymous_bytes(pid: int) -> int:
    """Return the anonymous and shared memory of a process that is resident; 0 if it is gone.

    >>> import os
    >>> anonymous_bytes(os.getpid()) > 1_000_000
    True
    """
    try:
        lines = Path(f"/proc/{pid}/status").read_bytes().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) << 10 for line in lines if line.startswith((b"RssAnon:", b"RssShmem:")))


def descendants(pid: int) -> list[int]:
    """Return a process and all its children, grandchildren and so on."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (parent := _parent(entry)) is not None:
            children.setdefault(parent, []).append(int(entry.name))
    family = [pid]
    for member in family:
        family.extend(children.get(member, []))
    return family


def _parent(entry: Path) -> int | None:
    try:
        # the command's name stands in brackets and may hold anything
        return int((entry / "stat").read_text(errors="replace").rpartition(")")[2].split()[1])
    except (OSError, IndexError, ValueError):
        return None
