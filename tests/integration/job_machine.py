"""One stored job that everything happens to, and what must hold of it after each step."""

from __future__ import annotations

import os
import random
import signal
import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import psutil
import pytest
from integration.commands import wait_until
from integration.slow_disk import SlowDisk
from integration.stored import INLINE, MAP, N_BLOCKS, N_ROWS, Stored

from arraymill.jobs.api.stored.background import resume_job_in_background
from arraymill.jobs.api.stored.cancelling import cancel_job
from arraymill.jobs.api.stored.submission import submit_spec
from arraymill.jobs.errors import JobRunningError
from arraymill.jobs.spec.job_spec import JobSpec
from arraymill.jobs.store import JobFolder, holder_of, is_locked, read_ledger

ROWS = N_ROWS // N_BLOCKS
PIECE_ROWS = 8
"""More than a piece of the input has that is fingerprinted as one."""
MOST_DEAD_WORKERS = 2
LIVE = ("kill", "kill", "kill_worker", "cancel", "wait", "second_run", "second_resume")
AT_REST = ("resume",) * 4 + ("race", "cancel", "corrupt", "corrupt", "tear", "tear", "touch", "change", "change")
AT_REST += ("second_run", "wait")
DONE = ("cancel", "wait", "second_run", "touch", "resume_done")


@dataclass
class JobMachine:
    """A job, and the steps that are taken with it.

    Jobs are submitted from this process, whose environment must be that of the folder's commands.

    Parameters
    ----------
    jobs : Stored
    disk : SlowDisk
    random : Random
        Draws the steps.
    n_workers : int
        1 runs inline, 2 on worker processes.
    """

    jobs: Stored
    disk: SlowDisk
    random: random.Random
    n_workers: int = 1
    steps: list[str] = field(default_factory=list)
    n_faults: int = 0
    is_live: bool = False
    job_id: str = ""
    n_allowed: int = 0
    n_dead_workers: int = 0
    changed_row: int | None = None
    plans: list[int | None] = field(default_factory=list)
    """The row of the input that was changed when each plan in the ledger was made."""
    damaged: set[int] = field(default_factory=set)
    """Blocks that may be taken back: their bytes in the output, or in the input, were changed."""
    seen: list[dict[str, Any]] = field(default_factory=list)
    """What the ledger said when it was last looked at."""

    @property
    def folder(self) -> JobFolder:
        """The job's folder."""
        return self.jobs.at(self.job_id)

    @property
    def status(self) -> str:
        """How the job stands."""
        return self.jobs.state(self.job_id).status

    @property
    def partial(self) -> str:
        """The path of the unfinished output."""
        return str(self.jobs.folder.path / "y.npy.partial")

    def submit(self) -> None:
        """Create the job, and let it come as far as the disk lets it."""
        self._allow()
        place = {"kind": "inline" if self.n_workers == 1 else "local", "workers": self.n_workers}
        path = self.jobs.folder.path
        document = {
            "op": "map",
            "inputs": [str(path / "x.npy")],
            "params": {"expr": "x + 1"},
            "output": str(path / "y.npy"),
            "compute": {"block": "4KiB"},
            "cluster": place,
        }
        self.job_id = submit_spec(JobSpec.model_validate(document)).id
        self._come_to_rest()
        self.check()

    def step(self) -> None:
        """Take one step that is possible now, and check what must hold after it."""
        choice = LIVE if self.is_live else DONE if self.status == "DONE" else AT_REST
        name = self.random.choice(choice)
        self.steps.append(name)
        getattr(self, f"_{name}")()
        self.check()

    def finish(self) -> None:
        """Let the job end, by the commands that a user types, and check what is left of it."""
        self.steps.append("finish")
        self.disk.allow()
        if self.is_live:
            self.jobs.wait_until_free(self.job_id)
            self.is_live = False
        if self.status != "DONE":
            ended = self.jobs.call("resume", self.job_id, "--accept-changed")
            assert ended.exit_code == 0, ended
        self.check()
        assert self.status == "DONE"
        assert self.jobs.call("wait", self.job_id).exit_code == 0
        assert sorted(path.name for path in self.jobs.folder.path.iterdir()) == ["x.npy", "y.npy"]
        wait_until(lambda: self.jobs.left_behind() == [], "the end of its processes")

    def check(self) -> None:
        """Check what must hold at any moment."""
        records, status = read_ledger(self.folder.ledger)[0], self.status
        assert (status in ("STARTING", "RUNNING")) == self.is_live
        output = self.jobs.folder.path / "y.npy"
        assert output.exists() == (status == "DONE"), status
        if output.exists():
            x = np.load(self.jobs.folder.path / "x.npy")
            np.testing.assert_array_equal(np.load(output), x + np.float32(1))
        # it only grows, but for what these steps tore off
        assert records[: len(self.seen)] == self.seen
        self.seen = records
        done: set[int] = set()
        for record in records:
            block = record.get("block")
            if record["kind"] == "block":
                assert block not in done, f"block {block} was done, and ran again"
                done.add(block)
            elif record["kind"] in ("corrupt", "stale"):
                assert block in self.damaged, f"taken back: {record}"
                done.discard(block)

    def _allow(self) -> None:
        self.disk.forget_held()
        self.n_allowed = self.random.choice((0, 1, 3, 6, N_BLOCKS))
        self.disk.allow(self.n_allowed)

    def _come_to_rest(self) -> None:
        """Wait until the disk holds a process of the job, and what it did before is in the ledger; or the job ended."""

        def rests() -> bool:
            held = self.disk.held()
            written = [record.get("pid") for record in self.jobs.records(self.job_id, "block")]
            self.is_live = any(written.count(pid) >= self.n_allowed for pid in held)
            return self.is_live or not is_locked(self.folder)

        wait_until(rests, f"the job to rest after {self.steps}")
        self._note_plans()

    def _note_plans(self) -> None:
        n_plans = len(self.jobs.records(self.job_id, "plan"))
        assert n_plans <= len(self.plans) + 1
        self.plans = self.plans[:n_plans] + [self.changed_row] * (n_plans - len(self.plans))

    def _die(self) -> None:
        """Wait until no process of the job is left: those of a driver that was killed may write until they are."""
        self.is_live = False
        self.jobs.wait_until_free(self.job_id)
        wait_until(lambda: self.jobs.left_behind() == [], "the end of its processes")

    def _kill(self) -> None:
        self.n_faults += 1
        assert self.jobs.kill_driver(self.job_id).status == "INTERRUPTED"
        self._die()

    def _kill_worker(self) -> None:
        if self.n_workers == 1 or self.n_dead_workers == MOST_DEAD_WORKERS:
            self._kill()
            return
        self.n_faults += 1
        self.n_dead_workers += 1
        before = len(self.jobs.records(self.job_id, "death"))
        os.kill(self.random.choice(sorted(self.disk.held())), signal.SIGKILL)
        wait_until(lambda: len(self.jobs.records(self.job_id, "death")) > before, "the death in the ledger")

    def _cancel(self) -> None:
        expected = "DONE" if self.status == "DONE" else "CANCELLED"
        assert cancel_job(self.folder).status == expected
        self._die()

    def _wait(self) -> None:
        state = self.jobs.state(self.job_id)
        codes = {"DONE": 0, "INTERRUPTED": 75, "CANCELLED": 4, "FAILED": 3}
        ended = self.jobs.call("wait", self.job_id, "--timeout", "0.1")
        assert ended.exit_code == (5 if self.is_live else codes[state.status]), (state, ended)

    def _second_run(self) -> None:
        if not (self.is_live or self.status == "DONE" or (self._n_done() and os.path.exists(self.partial))):  # noqa: PTH110
            return
        refused = self.jobs.call("run", *MAP, "-o", "y.npy", *INLINE)
        words = "exists" if self.status == "DONE" else "another run" if self.is_live else f"resume {self.job_id}"
        refused.assert_refused(11 if self.is_live else 2, words)

    def _second_resume(self) -> None:
        with pytest.raises(JobRunningError):
            resume_job_in_background(self.folder)

    def _resume_done(self) -> None:
        assert not resume_job_in_background(self.folder)

    def _resume(self) -> None:
        accepts = self.random.random() < 0.5
        is_refused = bool(self.plans) and self.plans[-1] != self.changed_row and not accepts
        self._allow()
        assert resume_job_in_background(self.folder, accept_changed=accepts)
        self._come_to_rest()
        expected = ("FAILED",) if is_refused else ("RUNNING", "STARTING", "DONE")
        assert self.status in expected, self.jobs.state(self.job_id)

    def _race(self) -> None:
        """Kill the driver wherever it happens to be."""
        self.n_faults += 1
        self.disk.allow()
        assert resume_job_in_background(self.folder, accept_changed=self.random.random() < 0.5)
        time.sleep(self.random.random())
        if (pid := holder_of(self.folder)) is not None:
            psutil.Process(pid).kill()
        self._die()
        self._note_plans()

    def _corrupt(self) -> None:
        """Change a byte of the unfinished output."""
        infos = self.jobs.records(self.job_id, "output")
        if not infos or not os.path.exists(self.partial):  # noqa: PTH110
            return
        self.n_faults += 1
        row = self.random.randrange(N_ROWS)
        self.damaged.add(row // ROWS)
        with open(self.partial, "r+b") as file:
            place = infos[-1]["data_offset"] + row * 512 + self.random.randrange(512)
            file.seek(place)
            byte = file.read(1)
            file.seek(place)
            file.write(bytes([byte[0] ^ 0xFF]))

    def _tear(self) -> None:
        """Cut the ledger somewhere, most times near its end, or leave half a line there."""
        self.n_faults += 1
        size = self.folder.ledger.stat().st_size
        at = size - self.random.randint(0, min(size, self.random.choice((10, 600, size))))
        with self.folder.ledger.open("r+b") as file:
            file.truncate(at)
            file.seek(at)
            file.write(self.random.choice((b"", b"0f6a24b8 {half", b"\xff" * 40 + b"\n")))
        self.seen = read_ledger(self.folder.ledger)[0]
        self._note_plans()

    def _touch(self) -> None:
        os.utime(self.jobs.folder.path / "x.npy")

    def _change(self) -> None:
        """Change a row of the input, or change it back."""
        x = np.load(self.jobs.folder.path / "x.npy")
        row = self.random.randrange(N_ROWS) if self.changed_row is None else self.changed_row
        self.changed_row = row if self.changed_row is None else None
        # a fingerprint's pieces may lie across the borders of blocks
        self.damaged |= {near // ROWS for near in range(row - PIECE_ROWS, row + PIECE_ROWS + 1)}
        x[row] = -x[row]
        np.save(self.jobs.folder.path / "x.npy", x)

    def _n_done(self) -> int:
        return len(self.jobs.blocks(self.job_id))
