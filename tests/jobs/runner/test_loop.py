"""Facts of the runner: a bounded window, what is tried again, what fails a job and in which words."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from in_process_jobs import ShuffledSession, plan_arrays

from arraymill.jobs.arrays import MemorySource, MemoryTarget
from arraymill.jobs.engine import BlockRecord, Work
from arraymill.jobs.errors import BlockFailedError, InputChangedError, InputFailedError, JobError, OutputFailedError
from arraymill.jobs.runner import FaultPolicy, Progress, run_work

X = np.arange(1000.0)


class WorkerDiedError(Exception):
    """What a cluster raises for a task whose worker died."""

    is_worker_death = True


class SchedulerGoneError(Exception):
    """An error of a cluster, with an exit code of its own."""

    exit_code = 5


@dataclass
class FaultySession(ShuffledSession):
    """Fails some blocks, the first few times that they are sent.

    Parameters
    ----------
    errors : dict of int to list of Exception
        By block: raised one after another, then the block runs.
    """

    errors: dict[int, list[BaseException]] = field(default_factory=dict)

    def submit(self, function: Any, /, *args: Any, key: str) -> Any:
        waiting = self.errors.get(args[1])
        if not waiting:
            return super().submit(function, *args, key=key)
        error = waiting.pop(0)

        def fail(*_: Any) -> None:
            raise error

        return super().submit(fail, *args, key=key)


def sum_work() -> Work:
    plan = plan_arrays("sum", [X], block_bytes=80)
    stage: Any = plan.stage
    assert stage.n_parts == stage.grid.n_blocks == 100
    return Work(stage, (MemorySource("speeds", X),), None, "numpy")


def run_sum(session: Any, **settings: Any) -> tuple[list[BlockRecord], list[float]]:
    written: list[float] = []
    outcome = run_work(
        sum_work(), session, job_id="job", write_result=lambda region, block: written.append(float(block)), **settings
    )
    return list(outcome.records), written


def test_every_block_is_recorded_once_and_the_result_written_once() -> None:
    records, written = run_sum(ShuffledSession(seed=1, n_workers=3))
    assert sorted(record.block for record in records) == list(range(100))
    assert written == [X.sum()]


@pytest.mark.parametrize("n_workers", [1, 3, 8])
def test_at_most_two_blocks_per_worker_are_sent_ahead(n_workers: int) -> None:
    session = ShuffledSession(seed=2, n_workers=n_workers)
    run_sum(session)
    assert session.most_pending == 2 * n_workers


class LastFirst(ShuffledSession):
    """Never finishes the block that was sent first while there is another."""

    def wait(self, futures: Any, timeout_s: float | None) -> set[Any]:
        done = next(future for future in reversed(self.futures) if future in futures)
        done.run()
        return {done}


def test_partials_that_wait_for_a_slow_block_are_bounded() -> None:
    session = LastFirst(n_workers=2)
    waited: list[int] = []

    def note(progress: Progress) -> None:
        # the first block runs alone, and the second is the slow one
        if len(session.futures) > 1 and not session.futures[1].is_done:
            waited.append(progress.done_blocks)

    _, written = run_sum(session, on_progress=note)
    # four windows of two blocks per worker, and the window that was under way when they were full
    assert 16 <= max(waited) <= 21
    assert written == [X.sum()]


def test_tasks_have_keys_of_their_own() -> None:
    session = FaultySession(errors={4: [OSError("again")]})
    run_sum(session)
    keys = [future.key for future in session.futures]
    assert len(set(keys)) == len(keys) == 101
    assert [key.split("-", 2)[2] for key in keys if "-block-4-" in key] == ["block-4-1", "block-4-2"]
    assert len({key.partition("-block-")[0] for key in keys}) == 1


def test_progress_counts_blocks_and_bytes() -> None:
    seen: list[Progress] = []
    run_sum(ShuffledSession(), on_progress=seen.append)
    assert [progress.done_blocks for progress in seen] == list(range(1, 101))
    assert (seen[-1].n_blocks, seen[-1].done_bytes) == (100, X.nbytes)


def test_an_error_of_reading_is_tried_again() -> None:
    session = FaultySession(errors={7: [OSError(5, "Input/output error")] * 3})
    assert run_sum(session)[1] == [X.sum()]


@pytest.mark.parametrize("kind", [InputFailedError, OutputFailedError])
def test_a_device_that_fails_once_is_tried_again(kind: type[JobError]) -> None:
    session = FaultySession(errors={7: [kind("x.npy: cannot be read", cause="Input/output error")] * 3})
    assert run_sum(session)[1] == [X.sum()]


def test_after_its_retries_a_block_fails_with_its_number_region_and_input() -> None:
    session = FaultySession(errors={7: [OSError(5, "Input/output error")] * 9})
    with pytest.raises(BlockFailedError) as caught:
        run_sum(session, fault=FaultPolicy(retries=2))
    error = caught.value
    assert error.what == "block 7 of 100 failed 3 times (rows 70:80 of speeds)"
    assert error.cause == "OSError: [Errno 5] Input/output error"
    assert isinstance(error.__cause__, OSError)


def test_the_region_of_a_failed_block_is_named() -> None:
    x = np.ones((100, 10))
    plan = plan_arrays("sum", [x], {"axis": 1}, block_bytes=800)
    stage: Any = plan.stage
    work = Work(stage, (MemorySource("x", x),), MemoryTarget(np.zeros(100)), "numpy")
    session = FaultySession(errors={3: [ZeroDivisionError("oops")] * 2})
    with pytest.raises(BlockFailedError, match=r"block 3 of 10 failed 2 times \(rows 30:40 of x\)"):
        run_work(work, session, job_id="job", write_result=print)


def test_the_same_error_twice_is_not_tried_again() -> None:
    session = FaultySession(errors={7: [ZeroDivisionError("oops")] * 3})
    with pytest.raises(BlockFailedError, match="failed 2 times") as caught:
        run_sum(session)
    assert caught.value.cause == "ZeroDivisionError: oops"
    assert len(session.errors[7]) == 1


def test_the_death_of_a_worker_is_tried_again() -> None:
    session = FaultySession(errors={7: [WorkerDiedError("gone")], 8: [WorkerDiedError("gone")]})
    assert run_sum(session)[1] == [X.sum()]


def test_deaths_of_workers_are_counted_over_all_blocks() -> None:
    session = FaultySession(errors={index: [WorkerDiedError("gone")] for index in range(3)})
    with pytest.raises(JobError, match="3 workers died, and the job survives 2") as caught:
        run_sum(session, fault=FaultPolicy(max_worker_deaths=2))
    assert caught.value.cause == "gone"


def test_a_block_that_kills_every_worker_fails_by_itself() -> None:
    session = FaultySession(errors={7: [WorkerDiedError("gone")] * 9})
    with pytest.raises(BlockFailedError, match="block 7 of 100 failed 4 times"):
        run_sum(session, fault=FaultPolicy(retries=3, max_worker_deaths=1000))


@pytest.mark.parametrize("error", [InputChangedError("x.npy changed"), SchedulerGoneError("gone")])
def test_an_error_that_says_what_to_do_passes_as_it_is(error: Exception) -> None:
    session = FaultySession(errors={7: [error]})
    with pytest.raises(type(error)) as caught:
        run_sum(session)
    assert caught.value is error


def test_what_waits_is_cancelled_when_a_block_fails() -> None:
    session = FaultySession(n_workers=4, errors={0: [ZeroDivisionError("oops")] * 2})
    with pytest.raises(BlockFailedError):
        run_sum(session)
    assert [future.is_cancelled for future in session.futures if not future.is_done] == [True] * 7


def test_an_interrupt_cancels_what_waits_and_passes() -> None:
    session = FaultySession(n_workers=2, errors={0: [KeyboardInterrupt()]})
    with pytest.raises(KeyboardInterrupt):
        run_sum(session)
    assert all(future.is_cancelled for future in session.futures[1:])


def test_an_error_of_writing_the_result_passes() -> None:
    def refuse(region: Any, block: Any) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        run_work(sum_work(), ShuffledSession(), job_id="job", write_result=refuse)
