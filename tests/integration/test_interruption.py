"""Jobs in the foreground that are stopped, robbed of a worker or of their input: what is left, and what they say."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
from fault_tally import counted
from integration.commands import Ended, Started, digest, wait_until
from integration.slow_disk import SlowDisk
from integration.stored import INLINE, LOCAL, MAP, N_BLOCKS, Stored

RUN = ("run", *MAP, "-o", "y.npy")
N_BEFORE = 2
"""Blocks that each process writes before the disk holds it."""


@pytest.fixture
def work(jobs: Stored) -> Iterator[Stored]:
    """Return a store whose input must be as it was at the end, and where no process may be left."""
    path = jobs.folder.path / "x.npy"
    before = (digest(path), path.stat().st_mtime_ns)
    yield jobs
    assert (digest(path), path.stat().st_mtime_ns) == before
    wait_until(lambda: jobs.left_behind() == [], "the end of the workers")


def names(jobs: Stored) -> list[str]:
    return sorted(path.name for path in jobs.folder.path.iterdir())


def assert_whole(jobs: Stored) -> None:
    x = np.load(jobs.folder.path / "x.npy")
    np.testing.assert_array_equal(np.load(jobs.folder.path / "y.npy"), x + np.float32(1))


def assert_resumed(jobs: Stored, job_id: str) -> None:
    """Check that a job is finished by `resume`, and that no block that was done ran again."""
    done = jobs.blocks(job_id)
    resumed = jobs.call("resume", job_id)
    assert (resumed.exit_code, resumed.out) == (0, f"{jobs.folder.path / 'y.npy'}\n"), resumed
    assert jobs.blocks(job_id)[: len(done)] == done
    assert sorted(jobs.blocks(job_id)) == list(range(N_BLOCKS))
    assert_whole(jobs)
    assert names(jobs) == ["x.npy", "y.npy"]


def wait_for_start_up(jobs: Stored, run: Started) -> None:
    """Wait until the first worker's process is there, which is long before it can work."""
    run.wait_for(lambda: bool(run.workers()), "its first worker")


def wait_for_blocks(jobs: Stored, run: Started) -> None:
    """Wait until each worker has done its blocks, and the ledger says so."""
    run.wait_for(lambda: bool(jobs.ids()), "its job")
    jobs.wait_for_blocks(jobs.only_id(), N_BEFORE * len(run.workers() or [run]))


WHEN = {"start-up": wait_for_start_up, "run": wait_for_blocks}
STOPPED = "stopping once the running blocks are done"


def drain(run: Started, disk: SlowDisk, signum: signal.Signals) -> Ended:
    """Send a signal, see that it waits for its running blocks, and let these end."""
    run.driver.send_signal(signum)
    run.wait_for(lambda: STOPPED in run.err, "its answer")
    disk.allow()
    return run.finish()


@pytest.mark.parametrize("when", WHEN)
@pytest.mark.parametrize(
    ("signum", "exit_code", "words"),
    [
        (signal.SIGINT, 130, "was stopped by Ctrl-C"),
        (signal.SIGTERM, 75, "was stopped by SIGTERM"),
        (signal.SIGUSR1, 75, "was stopped by SIGUSR1"),
        (signal.SIGKILL, -9, ""),
    ],
)
def test_run_that_is_stopped_can_be_resumed(
    work: Stored, when: str, signum: signal.Signals, exit_code: int, words: str
) -> None:
    disk = SlowDisk.of(work.folder, allowed=N_BEFORE)
    with work.folder.start(*RUN, *LOCAL) as run:
        WHEN[when](work, run)
        if when == "run" and signum != signal.SIGKILL:
            done = drain(run, disk, signum)
        else:
            run.driver.send_signal(signum)
            done = run.finish()
        assert (done.exit_code, done.out) == (exit_code, ""), done
        job_id = work.only_id()
        assert words in done.err
        # A worker that is just being spawned says on its own that the driver who was killed does not answer.
        assert signum == signal.SIGKILL or ("Traceback" not in done.err and f"arraymill resume {job_id}" in done.err)
        wait_until(lambda: run.left_behind() == [], "the end of the workers")
        state = work.wait_until_free(job_id)
        assert state.status == "INTERRUPTED"
        n_done = len(work.blocks(job_id))
        assert n_done == 0 if when == "start-up" else 2 * N_BEFORE <= n_done < N_BLOCKS
        if signum != signal.SIGKILL:
            assert names(work) == ["x.npy", *(["y.npy.partial"] if n_done else [])]
            assert work.folder.left_in_temporary() == set()
    if signum == signal.SIGKILL:
        with counted("survived byte-identical"):
            disk.allow()
            assert_resumed(work, job_id)


@pytest.mark.parametrize("place", [LOCAL, INLINE], ids=["local", "inline"])
def test_ctrl_c_lets_the_running_blocks_finish_and_they_count(work: Stored, place: tuple[str, ...]) -> None:
    """A terminal sends the signal to every process of the group; the driver alone must answer."""
    disk = SlowDisk.of(work.folder, allowed=N_BEFORE)
    with work.folder.start(*RUN, *place) as run:
        wait_for_blocks(work, run)
        workers = run.workers()
        for worker in workers:
            worker.send_signal(signal.SIGINT)
        done = drain(run, disk, signal.SIGINT)
    assert done.exit_code == 130, done
    assert "Traceback" not in done.err
    job_id = work.only_id()
    n_done = len(work.blocks(job_id))
    assert f"{n_done} of {N_BLOCKS} blocks are done and kept" in done.err
    # those that ran; what was not sent is not
    n_workers = len(workers) or 1
    assert n_workers * N_BEFORE < n_done <= n_workers * (N_BEFORE + 2)
    assert work.state(job_id).n_done == n_done
    assert_resumed(work, job_id)


@pytest.mark.parametrize(
    ("place", "signum"),
    [(LOCAL, signal.SIGINT), (INLINE, signal.SIGINT), (INLINE, signal.SIGTERM)],
    ids=["local", "inline", "inline-SIGTERM"],
)
def test_second_signal_does_not_wait_for_the_running_blocks(
    work: Stored, place: tuple[str, ...], signum: signal.Signals
) -> None:
    disk = SlowDisk.of(work.folder, allowed=N_BEFORE)
    with work.folder.start(*RUN, *place) as run:
        wait_for_blocks(work, run)
        job_id, done = work.only_id(), work.blocks(work.only_id())
        run.driver.send_signal(signum)
        run.wait_for(lambda: STOPPED in run.err, "its answer")
        run.driver.send_signal(signum)
        ended = run.finish()
        assert ended.exit_code == (130 if signum == signal.SIGINT else 75), ended
        assert "Traceback" not in ended.err
        wait_until(lambda: run.left_behind() == [], "the end of the workers")
    assert work.folder.left_in_temporary() == set()
    assert (work.state(job_id).status, work.blocks(job_id)) == ("INTERRUPTED", done)
    if place == INLINE:
        disk.allow()
        assert_resumed(work, job_id)


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_signal_after_publication_does_not_undo_the_success(work: Stored, signum: signal.Signals) -> None:
    """The outcome is settled before the workers are taken down: a signal may hasten that, and nothing else."""
    with work.folder.start(*RUN, *LOCAL) as run:
        run.wait_for((work.folder.path / "y.npy").exists, "its output")
        run.driver.send_signal(signum)
        done = run.finish()
        wait_until(lambda: run.left_behind() == [], "the end of the workers")
    assert "Traceback" not in done.err
    assert "error[" not in done.err
    assert (done.exit_code, done.out) == (0, "y.npy\n"), done
    assert work.folder.left_in_temporary() == set()
    assert work.state(work.only_id()).status == "DONE"


def test_worker_that_is_killed_costs_nothing_but_time(work: Stored) -> None:
    disk = SlowDisk.of(work.folder, allowed=N_BEFORE)
    with counted("survived byte-identical"), work.folder.start(*RUN, *LOCAL) as run:
        wait_for_blocks(work, run)
        done_before = work.blocks(work.only_id())
        victim = run.workers()[0]
        os.kill(victim.pid, signal.SIGKILL)
        run.wait_for(lambda: not victim.is_running() or victim.status() == psutil.STATUS_ZOMBIE, "the worker's death")
        disk.allow()
        done = run.finish()
        assert (done.exit_code, done.out) == (0, "y.npy\n"), done
        assert_whole(work)
        blocks = work.blocks(work.only_id())
        assert blocks[: len(done_before)] == done_before
        assert sorted(blocks) == list(range(N_BLOCKS))
        assert len(work.records(work.only_id(), "death")) == 1


def test_deaths_that_are_not_survived_name_the_block(work: Stored) -> None:
    SlowDisk.of(work.folder, allowed=N_BEFORE)
    with counted("failed cleanly"), work.folder.start(*RUN, *LOCAL, "--set", "fault.max_worker_deaths=0") as run:
        wait_for_blocks(work, run)
        os.kill(run.workers()[0].pid, signal.SIGKILL)
        done = run.finish()
        block = done.err[done.err.index("error[") :]
        assert (done.exit_code, done.out) == (1, ""), done
        assert "was killed by SIGKILL" in block
        assert f"of {N_BLOCKS} blocks are done and kept" in block
        assert names(work) == ["x.npy", "y.npy.partial"]
        assert f"arraymill resume {work.only_id()}" in block


@pytest.mark.parametrize("place", [LOCAL, INLINE], ids=["local", "inline"])
def test_input_that_is_truncated_during_the_run_is_3(jobs: Stored, place: tuple[str, ...]) -> None:
    path = Path(jobs.folder.path / "x.npy")
    whole = path.read_bytes()
    disk = SlowDisk.of(jobs.folder, allowed=N_BEFORE)
    with counted("failed cleanly"), jobs.folder.start(*RUN, *place) as run:
        wait_for_blocks(jobs, run)
        os.truncate(path, path.stat().st_size // 4)
        disk.allow()
        done = run.finish()
        wait_until(lambda: run.left_behind() == [], "the end of the workers")
        assert (done.exit_code, done.out) == (3, ""), done
        assert "error[input-changed]: " in done.err
        assert "x.npy: the file" in done.err
        assert "Traceback" not in done.err
        assert names(jobs) == ["x.npy", "y.npy.partial"]
        if place == INLINE:
            jobs.call("resume", jobs.only_id()).assert_refused(3, "x.npy")
            path.write_bytes(whole)
            assert_resumed(jobs, jobs.only_id())
