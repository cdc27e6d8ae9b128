"""The jobs in the store of a folder: submitted by commands, looked at through the store itself."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import psutil
from integration.commands import ARRAYMILL, TIMEOUT_S, Ended, Folder, wait_until

from arraymill.jobs.store import (
    LIVE,
    DeviceHold,
    DeviceQueue,
    JobFolder,
    JobState,
    Wants,
    holder_of,
    is_locked,
    read_ledger,
    read_state,
)

N_ROWS, N_BLOCKS = 128, 16
"""Of the map that most tests run, by blocks of 8 rows."""
MAP = ("map", "x.npy", "--expr", "x + 1", "--set", "compute.block=4KiB")
INLINE = ("--cluster", "inline", "--workers", "1")
LOCAL = ("--cluster", "local", "--workers", "2")


@dataclass(frozen=True, slots=True)
class Stored:
    """The jobs of the commands that run in a folder.

    Parameters
    ----------
    folder : Folder
    """

    folder: Folder

    def call(self, *args: str, through: Sequence[str] = ARRAYMILL, **settings: str) -> Ended:
        """Run a command to its end. Jobs may go on meanwhile: what it leaves behind is not looked over."""
        done = subprocess.run(
            [*through, *args],
            cwd=self.folder.path,
            env=self.folder.environment() | settings,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
        )
        return Ended(done.returncode, done.stdout, done.stderr)

    def submit(self, *args: str) -> str:
        """Submit a job and return its id, which is all that stdout says."""
        done = self.call("submit", *args)
        assert done.exit_code == 0, done
        assert done.out == done.out.strip() + "\n"
        return done.out.strip()

    def ids(self) -> list[str]:
        """Return the ids of all jobs."""
        return sorted(path.name for path in (self.folder.home / "jobs").glob("*"))

    def only_id(self) -> str:
        """Return the id of the only job."""
        (job_id,) = self.ids()
        return job_id

    def at(self, job_id: str) -> JobFolder:
        """Return the folder of a job."""
        return JobFolder(self.folder.home / "jobs" / job_id)

    def state(self, job_id: str) -> JobState:
        """Return how a job stands."""
        return read_state(self.at(job_id))

    def records(self, job_id: str, kind: str) -> list[dict[str, Any]]:
        """Return what the ledger of a job has of one kind."""
        return [record for record in read_ledger(self.at(job_id).ledger)[0] if record["kind"] == kind]

    def blocks(self, job_id: str) -> list[int]:
        """Return the blocks that the ledger of a job has as done, one entry for each time that they were."""
        return [record["block"] for record in self.records(job_id, "block")]

    def driver(self, job_id: str) -> int:
        """Return the process that works on a job."""
        pid = holder_of(self.at(job_id))
        assert pid is not None, self.state(job_id)
        return pid

    def wait_for(self, job_id: str, *statuses: str) -> JobState:
        """Wait until a job has one of some statuses, and return its state; it must not end otherwise."""

        def has_come() -> bool:
            now = self.state(job_id)
            assert now.status in (*statuses, *LIVE), now
            return now.status in statuses

        wait_until(has_come, f"{job_id} to be {' or '.join(statuses)}")
        return self.state(job_id)

    def wait_for_blocks(self, job_id: str, n_blocks: int) -> None:
        """Wait until the ledger of a job has so many blocks."""
        wait_until(lambda: len(self.blocks(job_id)) >= n_blocks, f"{n_blocks} blocks of {job_id}")

    def wait_until_free(self, job_id: str) -> JobState:
        """Wait until nobody works on a job, and return its state."""
        wait_until(lambda: not is_locked(self.at(job_id)), f"the end of whoever works on {job_id}")
        return self.state(job_id)

    def kill_driver(self, job_id: str, signum: signal.Signals = signal.SIGKILL) -> JobState:
        """Send a signal that ends it to the process that works on a job, and return the state that this leaves."""
        psutil.Process(self.driver(job_id)).send_signal(signum)
        return self.wait_until_free(job_id)

    def hold_device(self, device: str = "cpu") -> DeviceHold:
        """Take a device from all jobs, as another job would."""
        queue = DeviceQueue(self.folder.home)
        with queue.take_ticket("of-a-test", Wants(1, (device,))) as ticket:
            found = queue.try_take(ticket)
        assert isinstance(found, DeviceHold), found
        return found

    def left_behind(self) -> list[psutil.Process]:
        """Return every process that works in this store, whoever started it."""
        return [process for process in psutil.process_iter() if self._is_ours(process)]

    def _is_ours(self, process: psutil.Process) -> bool:
        with suppress(psutil.Error, OSError):
            home = process.environ().get("ARRAYMILL_HOME")
            return home == str(self.folder.home) and process.status() != psutil.STATUS_ZOMBIE
        return False

    def end_all(self) -> None:
        """Kill every process that works in this store."""
        while left := self.left_behind():
            for process in left:
                with suppress(psutil.Error):
                    process.kill()
            psutil.wait_procs(left, TIMEOUT_S)


def write_input(folder: Folder, name: str = "x.npy") -> np.ndarray[Any, Any]:
    """Write the input of `MAP` and return it."""
    x = np.random.default_rng(0).standard_normal((N_ROWS, 128), dtype=np.float32)
    np.save(folder.path / name, x)
    return x
