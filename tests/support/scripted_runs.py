"""Jobs of a few blocks on scripted sessions, with all that can be looked at afterwards."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from in_process_jobs import plan_arrays
from numpy.typing import NDArray
from scripted_session import FakeTime, ScriptedJournal, ScriptedSession

from arraymill.jobs.arrays import MemorySource, MemoryTarget
from arraymill.jobs.engine import Work
from arraymill.jobs.runner import FaultPolicy, Progress, RunOutcome, Stop, run_work

OPERATIONS: dict[str, dict[str, Any]] = {"map": {"expr": "x * 2 + 1"}, "max": {"axis": 0}, "sum": {"axis": 1}}


@dataclass
class ScriptedRun:
    """One job, to be run as often as a test likes.

    Parameters
    ----------
    board : Path
    name : str
        "map" writes its blocks, "max" over rows merges parts, "sum" over columns writes rows.
    n_blocks : int
    """

    board: Path
    name: str = "map"
    n_blocks: int = 12
    n_workers: int = 2
    bad_devices: frozenset[str] = frozenset()
    clock: FakeTime = field(default_factory=FakeTime)
    journal: ScriptedJournal = field(default_factory=ScriptedJournal)
    progress: list[Progress] = field(default_factory=list)
    sessions: list[ScriptedSession] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.array: NDArray[Any] = np.random.default_rng(0).integers(-99, 99, (self.n_blocks, 16)).astype("f8")
        params = OPERATIONS[self.name]
        self.plan = plan_arrays(self.name, [self.array], params, block_bytes=16 * 8)
        stage: Any = self.plan.stage
        assert stage.grid.n_blocks == self.n_blocks
        self.target = MemoryTarget(np.full(self.plan.output.shape, 113, self.plan.output.dtype))
        target = self.target if stage.n_parts == 1 else None
        self.work = Work(stage, (MemorySource("x.npy", self.array),), target, "numpy", board=str(self.board))

    @property
    def session(self) -> ScriptedSession:
        """The last one."""
        return self.sessions[-1]

    def expected(self) -> NDArray[Any]:
        """Return the answer of an undisturbed run."""
        if self.name == "map":
            return self.array * 2 + 1
        return np.asarray(self.array.max(axis=0) if self.name == "max" else self.array.sum(axis=1))

    def is_right(self) -> bool:
        """Return whether the output is the undisturbed run's, byte by byte."""
        return self.target.array.tobytes() == self.expected().tobytes()

    def run(
        self,
        script: dict[int, list[Any]] | None = None,
        *,
        seed: int | None = None,
        stop: Stop | None = None,
        done: Any = None,
        on_progress: Callable[[Progress], object] = lambda progress: None,
        is_kept: bool = True,
        **policy: Any,
    ) -> RunOutcome:
        """Run the job's blocks, failing as the script says."""
        board = self.board if self.work.board is not None else None
        session = ScriptedSession(script, n_workers=self.n_workers, board=board, clock=self.clock, seed=seed)
        session.bad_devices = set(self.bad_devices)
        self.sessions.append(session)

        def note(progress: Progress) -> None:
            self.progress.append(progress)
            on_progress(progress)

        with self.target.open() as writer:
            return run_work(
                self.work,
                session,
                job_id="ab12",
                write_result=writer.write,
                on_progress=note,
                fault=FaultPolicy(**policy),
                journal=self.journal if is_kept else None,
                done=done,
                stop=stop,
                now=self.clock.now,
                sleep=self.clock.sleep,
            )
