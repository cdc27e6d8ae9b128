"""Kills at random what works on a stored job, in the measure in which the job comes on, until it is done."""

from __future__ import annotations

import random
import signal
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

import psutil
from integration.commands import wait_until
from integration.stored import Stored

__all__ = ["Storm"]


@dataclass
class Storm:
    """What befalls the processes of one job after another, drawn from a seed.

    Each blow waits until the job has done some more blocks, so that it always comes on: how many blows there are does
    not depend on how fast the machine is.

    Parameters
    ----------
    jobs : Stored
    seed : int
    stride : int
        At most so many blocks are done between two blows.
    """

    jobs: Stored
    seed: int
    stride: int = 8
    blows: Counter[str] = field(default_factory=Counter)
    acknowledged: dict[str, set[int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    def rage(self, job_id: str, n_most: int) -> None:
        """Strike until the job is done, or so many blows fell in all."""
        while self.blows.total() < n_most:
            self._wait_for_more(job_id, self._random.randint(1, self.stride))
            if self.jobs.state(job_id).status == "DONE":
                return
            self._strike(job_id)

    def _wait_for_more(self, job_id: str, n_blocks: int) -> None:
        wanted = len(self.jobs.blocks(job_id)) + n_blocks

        def has_come() -> bool:
            state = self.jobs.state(job_id)
            assert state.status not in ("FAILED", "CANCELLED", "INTERRUPTED"), state
            return state.status == "DONE" or len(self.jobs.blocks(job_id)) >= wanted

        wait_until(has_come, f"{n_blocks} more blocks of {job_id} after {dict(self.blows)}")

    def _strike(self, job_id: str) -> None:
        blow: Callable[[str], None] = self._random.choices(
            (self._kill_worker, self._kill_both, self._stop_and_go, self._kill_driver), weights=(6, 1, 2, 2)
        )[0]
        with suppress(psutil.NoSuchProcess):
            blow(job_id)

    def workers(self, job_id: str) -> list[psutil.Process]:
        """Return the worker processes of a job, in the order of their birth."""
        with suppress(psutil.Error, AssertionError):
            children = psutil.Process(self.jobs.driver(job_id)).children()
            return sorted((child for child in children if _is_worker(child)), key=lambda child: child.pid)
        return []

    def _kill_worker(self, job_id: str) -> None:
        if workers := self.workers(job_id):
            self._random.choice(workers).kill()
            self.blows["worker killed"] += 1

    def _kill_both(self, job_id: str) -> None:
        for worker in self.workers(job_id):
            worker.kill()
            self.blows["worker killed"] += 1

    def _stop_and_go(self, job_id: str) -> None:
        if workers := self.workers(job_id):
            stopped = self._random.choice(workers)
            stopped.send_signal(signal.SIGSTOP)
            self.blows["worker stopped"] += 1
            try:
                # the other one comes on meanwhile, as far as it can: a few looks at it, however long they take
                for _ in range(20):
                    self.jobs.blocks(job_id)
            finally:
                stopped.send_signal(signal.SIGCONT)

    def _kill_driver(self, job_id: str) -> None:
        if self.jobs.state(job_id).status != "RUNNING":
            return
        psutil.Process(self.jobs.driver(job_id)).kill()
        state = self.jobs.wait_until_free(job_id)
        self.blows["driver killed"] += 1
        # what its ledger holds now is what nothing may be done again of
        self.acknowledged.setdefault(job_id, set()).update(self.jobs.blocks(job_id))
        assert state.status in ("INTERRUPTED", "DONE"), state
        if state.status == "INTERRUPTED":
            done = self.jobs.call("resume", job_id, "--detach")
            assert (done.exit_code, done.out) == (0, f"{job_id}\n"), done


def _is_worker(process: psutil.Process) -> bool:
    with suppress(psutil.Error):
        return any("spawn_main" in word for word in process.cmdline())
    return False
