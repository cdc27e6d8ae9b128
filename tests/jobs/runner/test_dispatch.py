"""Facts of blocks that travel together: each has its own outcome, and none is lost."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from in_process_jobs import ShuffledSession, plan_arrays
from scripted_session import ScriptedJournal

from arraymill.cluster.worker.shared import Bound, run_batch
from arraymill.jobs.arrays import MemorySource, MemoryTarget
from arraymill.jobs.engine import Work
from arraymill.jobs.errors import BlockFailedError, CannotFitError
from arraymill.jobs.runner import FaultPolicy, RunOutcome, batching, loop, run_work

X = np.arange(640.0).reshape(64, 10)


class WorkerDiedError(Exception):
    """What a cluster raises for every task of a worker that died."""

    is_worker_death = True
    pid = 4242


@dataclass
class BatchingSession(ShuffledSession):
    """Takes batches, and breaks some of them off.

    Parameters
    ----------
    deaths : int
        So many batches end with their worker.
    most_begun : int or None
        Of each batch.
    """

    deaths: int = 0
    most_begun: int | None = None
    batches: list[list[int]] = field(default_factory=list)
    forgotten: int = 0

    def share(self, function: Any, /, *common: Any) -> Any:
        @dataclass(frozen=True)
        class Shared(Bound):
            def forget(_) -> None:  # noqa: N805
                self.forgotten += 1

        return Shared(function, common)

    def submit_batch(self, function: Any, items: Any, *, key: str) -> Any:
        self.batches.append([index for index, _ in items])
        if self.deaths:
            self.deaths -= 1
            return self.submit(_die, key=key)
        return self.submit(run_batch, function, items[: self.most_begun], key=key)


def _die() -> None:
    raise WorkerDiedError("killed by SIGKILL")


@pytest.fixture(autouse=True)
def _blocks_take_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batching, "MOST_S", float("1e9"))
    monkeypatch.setattr(batching, "LEAST_S", 0.0)


def run(session: Any, rows: int = 64, journal: Any = None, **fault: Any) -> tuple[RunOutcome, np.ndarray[Any, Any]]:
    plan = plan_arrays("map", [X[:rows]], {"expr": "x + 1"}, block_bytes=80)
    stage: Any = plan.stage
    target = MemoryTarget(np.full((rows, 10), 113.0))
    work = Work(stage, (MemorySource("x", X[:rows]),), target, "numpy")
    policy = FaultPolicy(**fault)
    ran = run_work(work, session, job_id="t", write_result=target.open, fault=policy, journal=journal)  # type: ignore[arg-type]
    return ran, target.array


def fail_in(blocks: dict[int, int], error: Exception) -> Any:
    """Return what runs a block, but raises for some of them, so many times each."""
    from arraymill.jobs.engine import run_block

    def run_or_fail(work: Work, index: int, attempt: Any) -> Any:
        if blocks.get(index, 0):
            blocks[index] -= 1
            raise error
        return run_block(work, index, attempt)

    return run_or_fail


def test_short_blocks_travel_together_once_one_is_done() -> None:
    session = BatchingSession(n_workers=2)
    ran, found = run(session)
    assert found.tobytes() == (X + 1).tobytes()
    assert sorted(record.block for record in ran.records) == list(range(64))
    assert session.batches[0] == list(range(2, 33))
    assert len(session.futures) < 32
    assert session.forgotten == 1


def test_a_session_that_shares_nothing_gets_everything_with_each_block() -> None:
    session = ShuffledSession(n_workers=2)
    _, found = run(session)
    assert found.tobytes() == (X + 1).tobytes()
    assert len(session.futures) == 64


def test_a_block_that_fails_is_tried_again_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "run_block", fail_in({7: 1, 9: 2}, OSError(5, "busy")))
    session = BatchingSession(n_workers=2)
    ran, found = run(session)
    assert found.tobytes() == (X + 1).tobytes()
    assert {record.block: record.attempt for record in ran.records if record.attempt > 1} == {7: 2, 9: 3}
    assert ran.progress.retries == 3
    assert all(len(batch) > 1 for batch in session.batches)


def test_a_block_that_always_fails_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "run_block", fail_in({7: 99}, ValueError("not here")))
    session = BatchingSession(n_workers=2)
    with pytest.raises(BlockFailedError, match=r"block 7 of 64 failed 2 times"):
        run(session)
    assert session.forgotten == 1


def test_what_is_done_is_kept_when_another_block_of_its_task_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "run_block", fail_in({7: 1}, CannotFitError("block 7 does not fit")))
    journal = ScriptedJournal()
    with pytest.raises(CannotFitError):
        run(BatchingSession(n_workers=2), journal=journal)
    assert set(journal.committed) == set(range(33)) - {7}


def test_a_death_takes_all_of_a_batch_and_each_runs_again() -> None:
    ran, found = run(BatchingSession(n_workers=2, deaths=1))
    assert found.tobytes() == (X + 1).tobytes()
    assert sorted(record.block for record in ran.records) == list(range(64))
    assert ran.progress.deaths == 1


def test_what_a_batch_did_not_begin_runs_later_and_counts_as_no_failure() -> None:
    ran, found = run(BatchingSession(n_workers=2, most_begun=2))
    assert found.tobytes() == (X + 1).tobytes()
    assert sorted(record.block for record in ran.records) == list(range(64))
    assert ran.progress.retries == 0


def test_few_blocks_travel_each_by_itself() -> None:
    session = BatchingSession(n_workers=2)
    _, found = run(session, rows=32)
    assert found.tobytes() == (X[:32] + 1).tobytes()
    assert session.batches == []
    assert len(session.futures) == 32
