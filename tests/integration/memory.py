"""How much memory of its own a command and its workers take while it runs, as the kernel counts it."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from integration.commands import Started

_PERIOD_S = 0.01


@dataclass
class MemoryWatch:
    """Reads ``/proc/PID/smaps_rollup`` of a driver and of its workers until they have ended.

    Anonymous memory alone: pages of files belong to the kernel's cache, which gives them up under pressure.
    """

    run: Started
    driver_bytes: int = 0
    n_samples: int = 0
    worker_bytes: dict[int, int] = field(default_factory=dict)
    all_workers_bytes: int = 0

    def __post_init__(self) -> None:
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def join(self) -> None:
        """Wait until the driver has ended."""
        self._thread.join()

    def _watch(self) -> None:
        workers: dict[int, psutil.Process] = {}
        while self.run.driver.poll() is None:
            # to look for processes takes longer than to look at them
            if self.n_samples % 10 == 0:
                workers = {worker.pid: worker for worker in self.run.workers()}
            self.driver_bytes = max(self.driver_bytes, anonymous_bytes(self.run.driver.pid))
            now = {pid: anonymous_bytes(pid) for pid in workers}
            for pid, n_bytes in now.items():
                self.worker_bytes[pid] = max(self.worker_bytes.get(pid, 0), n_bytes)
            self.all_workers_bytes = max(self.all_workers_bytes, sum(now.values()))
            self.n_samples += 1
            time.sleep(_PERIOD_S)


def anonymous_bytes(pid: int) -> int:
    """Return the anonymous memory of a process, 0 if it has ended."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
            if line.startswith("Anonymous:"):
                return int(line.split()[1]) << 10
    return 0
