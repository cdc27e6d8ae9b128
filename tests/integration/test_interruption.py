"""Jobs that are stopped, robbed of a worker or of their input while they run: what is left, and what they say."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
from integration.commands import Folder, Started, digest, wait_until

SIZE = 5000
"""A product of this size takes seconds on two workers, and has some hundred blocks in the memory that is given."""
LOCAL = ("--cluster", "local", "--workers", "2", "--memory", "300MB")


@pytest.fixture(scope="module")
def matrix(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("inputs") / "a.npy"
    np.save(path, np.random.default_rng(0).standard_normal((SIZE, SIZE), dtype=np.float32))
    return path


@pytest.fixture
def work(folder: Folder, matrix: Path) -> Iterator[Folder]:
    """Return a folder with the matrix in it, which must be as it was at the end."""
    (folder.path / "a.npy").symlink_to(matrix)
    before = (digest(matrix), matrix.stat().st_mtime_ns)
    yield folder
    assert (digest(matrix), matrix.stat().st_mtime_ns) == before


def product(work: Folder, *more: str) -> tuple[str, ...]:
    return ("run", "matmul", "a.npy", "a.npy", "-o", "c.npy", *LOCAL, *more)


def wait_for_start_up(run: Started) -> None:
    """Wait until the first worker's process is there, which is long before it can work."""
    run.wait_for(lambda: bool(run.workers()), "its first worker")


def wait_for_blocks(run: Started) -> None:
    run.wait_for_blocks()
    assert len(run.workers()) == 2


WHEN = {"start-up": wait_for_start_up, "run": wait_for_blocks}


@pytest.mark.parametrize("when", WHEN)
@pytest.mark.parametrize(
    ("signum", "exit_code", "words"),
    [(signal.SIGINT, 130, "stopped by Ctrl-C"), (signal.SIGTERM, 143, "stopped by SIGTERM"), (signal.SIGKILL, -9, "")],
)
def test_driver_that_is_stopped_leaves_no_output_and_no_process(
    work: Folder, when: str, signum: signal.Signals, exit_code: int, words: str
) -> None:
    with work.start(*product(work)) as run:
        WHEN[when](run)
        run.driver.send_signal(signum)
        done = run.finish()
        assert (done.exit_code, done.out) == (exit_code, ""), done
        assert words in done.err
        # A worker that is just being spawned says on its own that the driver who was killed does not answer.
        assert signum == signal.SIGKILL or "Traceback" not in done.err
        wait_until(lambda: run.left_behind() == [], "the end of the workers")
    assert not (work.path / "c.npy").exists()
    if signum != signal.SIGKILL:
        assert sorted(path.name for path in work.path.iterdir()) == ["a.npy"]
        assert work.left_in_temporary() == set()


def test_ctrl_c_of_a_terminal_reaches_the_workers_too(work: Folder) -> None:
    """A terminal sends the signal to every process of the group; the driver alone must answer."""
    with work.start(*product(work)) as run:
        run.wait_for_blocks()
        for worker in run.workers():
            worker.send_signal(signal.SIGINT)
        run.driver.send_signal(signal.SIGINT)
        done = run.finish()
        assert done.exit_code == 130, done
        assert "Traceback" not in done.err
        wait_until(lambda: run.left_behind() == [], "the end of the workers")
    assert sorted(path.name for path in work.path.iterdir()) == ["a.npy"]


def test_second_ctrl_c_leaves_nothing_either(work: Folder) -> None:
    with work.start(*product(work)) as run:
        run.wait_for_blocks()
        run.driver.send_signal(signal.SIGINT)
        time.sleep(0.1)  # into the teardown, most times; wherever it hits, the same must hold
        run.driver.send_signal(signal.SIGINT)
        done = run.finish()
        # 130, or what a shell shows as 130 where the interpreter has ended its handlers
        assert done.exit_code in (130, -signal.SIGINT), done
        assert "Traceback" not in done.err
        wait_until(lambda: run.left_behind() == [], "the end of the workers")
    assert sorted(path.name for path in work.path.iterdir()) == ["a.npy"]
    assert work.left_in_temporary() == set()


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_signal_after_publication_does_not_undo_the_success(folder: Folder, signum: signal.Signals) -> None:
    """The outcome is settled before the workers are taken down: a signal may hasten that, and nothing else."""
    np.save(folder.path / "x.npy", np.ones((500, 500)))
    with folder.start("run", "map", "x.npy", "--expr", "x + 1", "-o", "y.npy", *LOCAL) as run:
        run.wait_for((folder.path / "y.npy").exists, "its output")
        run.driver.send_signal(signum)
        done = run.finish()
        wait_until(lambda: run.left_behind() == [], "the end of the workers")
    assert "Traceback" not in done.err
    assert "no output was published" not in done.err
    assert (done.exit_code, done.out) == (0, "y.npy\n"), done
    assert folder.left_in_temporary() == set()


def test_inline_run_that_is_stopped_leaves_nothing(work: Folder) -> None:
    with work.start("run", "matmul", "a.npy", "a.npy", "-o", "c.npy", "--cluster", "inline") as run:
        run.wait_for_blocks()
        run.driver.send_signal(signal.SIGINT)
        done = run.finish()
        assert (done.exit_code, done.out) == (130, ""), done
    assert sorted(path.name for path in work.path.iterdir()) == ["a.npy"]


def test_next_run_after_a_killed_one_is_whole(work: Folder) -> None:
    np.save(work.path / "b.npy", np.eye(SIZE, 8, dtype=np.float32))
    with work.start(*product(work)) as run:
        run.wait_for_blocks()
        run.driver.kill()
        run.finish()
        wait_until(lambda: run.left_behind() == [], "the end of the workers")
    assert (work.path / "c.npy.partial").exists()
    with work.start("run", "matmul", "a.npy", "b.npy", "-o", "c.npy", *LOCAL) as again:
        assert again.finish().exit_code == 0
    np.testing.assert_array_equal(np.load(work.path / "c.npy"), np.load(work.path / "a.npy")[:, :8])
    assert not (work.path / "c.npy.partial").exists()


def test_worker_that_is_killed_costs_nothing_but_time(work: Folder) -> None:
    with work.start(*product(work)) as run:
        run.wait_for_blocks()
        victim = run.workers()[0]
        os.kill(victim.pid, signal.SIGKILL)
        run.wait_for(lambda: not victim.is_running() or victim.status() == psutil.STATUS_ZOMBIE, "the worker's death")
        done = run.finish()
        wait_until(lambda: run.left_behind() == [], "the end of the workers")
    assert (done.exit_code, done.out) == (0, "c.npy\n"), done
    with work.start("run", "matmul", "a.npy", "a.npy", "-o", "quiet.npy", *LOCAL) as quiet:
        assert quiet.finish().exit_code == 0
    assert digest(work.path / "c.npy") == digest(work.path / "quiet.npy")


def test_deaths_that_are_not_survived_name_the_block(work: Folder) -> None:
    with work.start(*product(work, "--set", "fault.max_worker_deaths=0")) as run:
        run.wait_for_blocks()
        os.kill(run.workers()[0].pid, signal.SIGKILL)
        done = run.finish()
        wait_until(lambda: run.left_behind() == [], "the end of the workers")
    block = done.err[done.err.index("error[") :]
    assert (done.exit_code, done.out) == (1, ""), done
    assert block.startswith("error[block-failed]: block "), block
    assert "was killed by SIGKILL" in block
    assert "output [" in block
    assert sorted(path.name for path in work.path.iterdir()) == ["a.npy"]


@pytest.mark.parametrize("cluster", [LOCAL, ("--cluster", "inline", "--memory", "300MB")], ids=["local", "inline"])
def test_input_that_is_truncated_during_the_run_is_3(folder: Folder, matrix: Path, cluster: tuple[str, ...]) -> None:
    path = folder.path / "mine.npy"
    path.write_bytes(matrix.read_bytes())
    with folder.start("run", "matmul", "mine.npy", "mine.npy", "-o", "c.npy", *cluster) as run:
        run.wait_for_blocks()
        os.truncate(path, path.stat().st_size // 2)
        done = run.finish()
        wait_until(lambda: run.left_behind() == [], "the end of the workers")
    assert (done.exit_code, done.out) == (3, ""), done
    assert "error[input-changed]: " in done.err
    assert "mine.npy: the file" in done.err
    assert "Traceback" not in done.err
    assert sorted(path.name for path in folder.path.iterdir()) == ["mine.npy"]
