"""How a worker's process ended, and whether the kernel's out-of-memory killer ended it."""

from __future__ import annotations

import signal
import threading
import time
from dataclasses import dataclass

from ..cgroups import Cgroups

__all__ = ["Death", "OomCount"]


@dataclass(frozen=True, slots=True)
class Death:
    """The end of one worker process.

    Parameters
    ----------
    worker : str
        Name of the worker.
    pid : int
    exitcode : int, optional
        The exit status, or minus the number of the signal; None while it is not known.
    oom_group : str
        The control group whose memory ran out, if the kernel killed the process for that; else "".
    """

    worker: str
    pid: int
    exitcode: int | None = None
    oom_group: str = ""


class OomCount:
    """Tells deaths by the kernel's out-of-memory killer from others, by the count that it keeps for our control group.

    Parameters
    ----------
    cgroups : Cgroups, optional
        Of this process; its workers are in the same group.
    memory_s : float
        How long a kill that was counted may explain a death that is noticed later.
    """

    def __init__(self, cgroups: Cgroups | None = None, *, memory_s: float = 5.0) -> None:
        self._cgroups = cgroups or Cgroups()
        self._memory_s = memory_s
        self._lock = threading.Lock()
        self._seen = self._cgroups.oom_kills()
        self._unexplained = 0
        self._counted_s = time.monotonic()

    def __deepcopy__(self, memo: object) -> OomCount:
        # LocalCUDACluster copies what it hands to each worker; there is one count for all.
        return self

    def group_of(self, exitcode: int) -> str:
        """Return the control group that ran out of memory, if that is why a process has just ended; else ""."""
        with self._lock:
            self._count()
            if exitcode != -signal.SIGKILL or self._unexplained < 1:
                return ""
            self._unexplained -= 1
            return str(self._cgroups.memory_group() or self._cgroups.root)

    def _count(self) -> None:
        now_s = time.monotonic()
        # The kernel may kill two workers at once. What it killed long ago was no worker of ours.
        if now_s - self._counted_s >= self._memory_s:
            self._unexplained = 0
        found = self._cgroups.oom_kills()
        if found > self._seen:
            self._unexplained += found - self._seen
            self._counted_s = now_s
        self._seen = found
