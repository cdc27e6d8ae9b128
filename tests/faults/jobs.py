"""Small jobs of every shape on one kept cluster, played with a script of what goes wrong, and what came of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from faults.injection import Hit, Script, hits, invocations, run_scripted
from integration.commands import digest, wait_until
from worker_tasks import alive

from arraymill.cluster.config import ClusterConfig
from arraymill.cluster.session import Session, open_cluster
from arraymill.jobs.api.outcome import Outcome
from arraymill.jobs.api.stored import driver
from arraymill.jobs.api.stored.attempts import resume_job, run_stored
from arraymill.jobs.api.watch import Watch
from arraymill.jobs.runner import loop
from arraymill.jobs.spec.job_spec import JobSpec
from arraymill.jobs.store import JobFolder, JobState, Settled, find_job, journal, list_jobs, read_settled, read_state

__all__ = ["SHAPES", "Bench", "Played", "Shape", "open_bench"]

SIDES = (192, 256)


@dataclass(frozen=True, slots=True)
class Shape:
    """One operation, cut into a known number of blocks.

    Parameters
    ----------
    op : str
    params : dict
    n_blocks : int
    block : str
        Size of a block.
    inputs : tuple of str
    """

    op: str
    params: dict[str, Any]
    n_blocks: int
    block: str = "32KiB"
    inputs: tuple[str, ...] = ("x",)


SHAPES = {
    "map": Shape("map", {"expr": "x * 2 + 1"}, 12),
    # every block is a part of the one region, which the driver writes
    "reduce": Shape("sum", {"axis": 0}, 12),
    # every block writes a region of its own
    "reduce-rows": Shape("sum", {"axis": 1}, 12),
    "contract": Shape("matmul", {}, 16, "256KiB", ("x", "y")),
}


@dataclass(frozen=True, slots=True)
class Played:
    """What came of one run of a job.

    Parameters
    ----------
    shape : Shape
    folder : JobFolder
    counts : Path
        Where invocations are counted.
    output : Path
    outcome : Outcome or None
        None if it failed.
    error : BaseException or None
        What it failed with.
    """

    shape: Shape
    folder: JobFolder
    counts: Path
    output: Path
    outcome: Outcome | None = None
    error: BaseException | None = None

    @property
    def settled(self) -> Settled:
        """What the ledger comes to."""
        return read_settled(self.folder)

    @property
    def state(self) -> JobState:
        """What `arraymill status` shows."""
        return read_state(self.folder)

    @property
    def invocations(self) -> Counter[int]:
        """How often each block was begun."""
        return invocations(self.counts)

    @property
    def hits(self) -> list[Hit]:
        """The faults that struck."""
        return hits(self.counts)

    def events(self, kind: str) -> list[dict[str, Any]]:
        """Return the ledger's records of a kind."""
        return [event for event in self.settled.events if event["kind"] == kind]

    def raised(self) -> BaseException:
        """Return the error of a job that must have failed."""
        assert self.error is not None
        return self.error


@dataclass(slots=True)
class Bench:
    """A cluster that is kept over many jobs, and the files that they read.

    Parameters
    ----------
    path : Path
        A folder of its own.
    session : Session
    """

    path: Path
    session: Session
    _n_played: int = 0
    _undisturbed: dict[str, str] = field(default_factory=dict)

    def play(self, name: str, script: Script, **fault: Any) -> Played:
        """Run a job of a shape with what a script says, and return what came of it.

        Parameters
        ----------
        name : str
            Of the shape.
        script : Script
        **fault
            The job's `fault` section.
        """
        self._n_played += 1
        shape, counts = SHAPES[name], self.path / f"counts-{self._n_played}"
        counts.mkdir()
        output = self.path / f"{name}-{self._n_played}.npy"
        return self._run(shape, script, counts, output, partial(run_stored, self._spec(shape, output, fault)))

    def resume(self, played: Played) -> Played:
        """Resume a job that failed, with nothing going wrong."""
        again = partial(resume_job, played.folder)
        return self._run(played.shape, Script(), played.counts, played.output, again)

    def undisturbed(self, name: str) -> str:
        """Return the SHA-256 of the output of a job of which nothing went wrong."""
        if name not in self._undisturbed:
            self._undisturbed[name] = digest(self.play(name, Script()).output)
        return self._undisturbed[name]

    def _spec(self, shape: Shape, output: Path, fault: dict[str, Any]) -> JobSpec:
        return JobSpec(
            op=shape.op,
            params=shape.params,
            inputs=[str(self.path / f"{name}.npy") for name in shape.inputs],
            output=str(output),
            compute={"block": shape.block, "device": "cpu"},
            cluster={"kind": "local", "workers": 2},
            memory={"host": "2GB"},
            fault=fault,
        )

    def _run(
        self, shape: Shape, script: Script, counts: Path, output: Path, run: Callable[..., Outcome | None]
    ) -> Played:
        ids: list[str] = []
        outcome, error = None, None
        wait_until(self._has_forgotten_the_dead, "the scheduler's notice of deaths")
        with self._scripted(script, counts):
            try:
                outcome = run(watch=Watch(on_create=ids.append))
            except BaseException as raised:  # noqa: BLE001 - how the job ended is looked at by the test
                error = raised
        if error is not None and not list_jobs():
            raise error
        assert len(ids) == 1, error
        return Played(shape, find_job(ids[0]), counts, output, outcome, error)

    def _has_forgotten_the_dead(self) -> bool:
        """Return whether no task of this job will be sent to a worker that died in the last one."""
        cluster: Any = self.session
        pids = {worker.pid for worker in list(cluster._cluster.scheduler.workers.values())}
        return alive(pids) == pids

    @contextmanager
    def _scripted(self, script: Script, counts: Path) -> Iterator[None]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(driver, "open_workplace", lambda *args: nullcontext(self.session))
            patch.setattr(loop, "run_block", partial(run_scripted, script, str(counts)))
            # so that blocks are acknowledged one by one, also in jobs that are over in a moment
            patch.setattr(journal, "_GROUP_RECORDS", 1)
            yield


@contextmanager
def open_bench(path: Path) -> Iterator[Bench]:
    """Open a cluster of two workers, and write the files that jobs on it read."""
    chance = np.random.default_rng(11)
    np.save(path / "x.npy", chance.standard_normal(SIDES))
    np.save(path / "y.npy", chance.standard_normal(SIDES[::-1]))
    logs = path / "logs"
    logs.mkdir(mode=0o700, exist_ok=True)
    with open_cluster(ClusterConfig("local", workers=2, scratch=path, logs=logs)) as session:
        yield Bench(path, session)
