"""Kills, at random, of the workers and the driver of one job, whenever its ledger has grown."""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

import psutil
from faults.injection import invocations, set_gate
from integration.commands import Ended, Folder, Started, wait_until

from arraymill.jobs.engine import read_board
from arraymill.jobs.store import JobFolder, read_settled

__all__ = ["N_BLOCKS", "Storm"]

N_BLOCKS = 200
_CALM_BLOCKS = 14
"""So many at the end are never sent before the last kill."""
_MOST_DEATHS = 2
"""A block that was killed so often is spared: after three deaths while alone it would be right to give it up."""
_PAUSE_S = 1.0

_Blow: TypeAlias = Literal["kill", "pause", "driver"]


@dataclass(slots=True)
class Storm:
    """One job in a storm.

    Parameters
    ----------
    folder : Folder
        Where the command runs; its home holds this job alone.
    counts : Path
        Where invocations are counted.
    seed : int
    n_blows : int
        A tenth, one at least, hits the driver, a fifth only stops a worker for a while; the others kill a worker.
    """

    folder: Folder
    counts: Path
    seed: int
    n_blows: int
    n_drivers: int = 0
    acknowledged: list[dict[int, int]] = field(default_factory=list)
    deaths: Counter[int] = field(default_factory=Counter)
    _blows: list[_Blow] = field(default_factory=list)
    _gate: int = 0
    _n_seen: int = 0

    def run(self, *command: str) -> Ended:
        """Run a job to its end, resuming it after every death of its driver."""
        chance = random.Random(self.seed)
        n_drivers, n_pauses = max(self.n_blows // 10, 1), self.n_blows // 5
        kills: list[_Blow] = ["kill"] * (self.n_blows - n_drivers - n_pauses)
        self._blows = [*kills, *["pause"] * n_pauses, *["driver"] * n_drivers]  # type: ignore[list-item]
        chance.shuffle(self._blows)
        self._open_gate()
        driver = (sys.executable, "-P", str(Path(__file__).with_name("counting_driver.py")), str(self.counts))
        arguments = command
        while True:
            with self.folder.start(*arguments, through=driver) as run:
                is_killed = self._rage(run, chance)
                done = run.finish()
                wait_until(lambda run=run: run.left_behind() == [], "the end of the workers")  # type: ignore[misc]
            if not is_killed:
                return done
            arguments = ("resume", self.job.id)

    @property
    def job(self) -> JobFolder:
        """The only job of the home."""
        (path,) = (self.folder.home / "jobs").iterdir()
        return JobFolder(path)

    def _rage(self, run: Started, chance: random.Random) -> bool:
        """Strike until nothing is left of the storm, or the driver was killed; return whether it was."""
        while self._blows:
            run.wait_for(self._has_grown, "more blocks to be done")
            blow = self._blows[-1]
            if blow == "driver":
                run.driver.kill()
            elif not self._strike_worker(run, chance, is_deadly=blow == "kill"):
                continue
            self._blows.pop()
            self._note()
            self._open_gate()
            if blow == "driver":
                self.n_drivers += 1
                return True
        return False

    def _has_grown(self) -> bool:
        has_begun = any(self.folder.home.glob("jobs/*/ledger.jsonl"))
        return has_begun and len(read_settled(self.job).done) > self._n_seen

    def _strike_worker(self, run: Started, chance: random.Random, *, is_deadly: bool) -> bool:
        """Stop a worker, and kill it or let it go on; return False if there was none that may be struck."""
        workers = run.workers()
        if not workers:
            time.sleep(0.01)
            return False
        victim = chance.choice(workers)
        with suppress(psutil.NoSuchProcess):
            victim.send_signal(signal.SIGSTOP)
            # stopped, it runs the block that is on its board, and will not begin another
            blocks = [running.block for running in read_board(str(self.job.running)) if running.pid == victim.pid]
            if not is_deadly:
                self._wait_for_the_other()
                victim.send_signal(signal.SIGCONT)
                return True
            if any(self.deaths[block] >= _MOST_DEATHS for block in blocks):
                victim.send_signal(signal.SIGCONT)
                time.sleep(0.01)
                return False
            os.kill(victim.pid, signal.SIGKILL)
            self.deaths.update(blocks)
            return True
        return False

    def _wait_for_the_other(self) -> None:
        """Let the other worker go on for a while, if it can."""
        deadline = time.monotonic() + _PAUSE_S
        while not self._has_grown() and time.monotonic() < deadline:
            time.sleep(0.02)

    def _note(self) -> None:
        """Remember which blocks are acknowledged, and how often each has run."""
        done = read_settled(self.job).done
        counts = invocations(self.counts)
        self.acknowledged.append({block: counts[block] for block in done})
        self._n_seen = len(done)

    def _open_gate(self) -> None:
        """Let through the blocks up to the next blow, and at the end all."""
        self._gate += (N_BLOCKS - _CALM_BLOCKS) // (self.n_blows + 1)
        set_gate(self.counts, self._gate if self._blows else N_BLOCKS)
