"""Jobs in the background: they outlive who submitted them, take their turn, and end when they are told to."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import psutil
import pytest
from integration.commands import ARRAYMILL, digest, wait_until
from integration.slow_disk import SlowDisk
from integration.stored import INLINE, LOCAL, MAP, N_BLOCKS, Stored

from arraymill.jobs.store import write_state

CANCELLED = 4

IN_A_TERMINAL = """
import fcntl, os, signal, sys, termios
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # whatever the tests themselves were started under
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execvp(sys.argv[1], sys.argv[1:])
"""


def expected(jobs: Stored) -> np.ndarray:
    return np.load(jobs.folder.path / "x.npy") + np.float32(1)


def assert_done(jobs: Stored, job_id: str, output: str = "y.npy") -> None:
    """Check that a job is done, each block once, and its output whole."""
    state = jobs.wait_for(job_id, "DONE")
    assert (state.exit_code, state.n_done, state.n_blocks) == (0, N_BLOCKS, N_BLOCKS)
    assert sorted(jobs.blocks(job_id)) == list(range(N_BLOCKS))
    np.testing.assert_array_equal(np.load(jobs.folder.path / output), expected(jobs))
    assert not (jobs.folder.path / f"{output}.partial").exists()


def test_submitted_job_outlives_its_terminal(jobs: Stored) -> None:
    """A window that is closed: its session leader is killed, the terminal is gone, and SIGHUP goes to who is left."""
    disk = SlowDisk.of(jobs.folder, allowed=2)
    master, slave = pty.openpty()
    command = [*ARRAYMILL, "submit", *MAP, "-o", "y.npy", *INLINE]
    script = '"$@" > id; echo ready; exec sleep 600'
    shell = subprocess.Popen(
        [sys.executable, "-c", IN_A_TERMINAL, "sh", "-c", script, "sh", *command],
        cwd=jobs.folder.path,
        env=jobs.folder.environment(),
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
    )
    os.close(slave)
    try:
        with open(master, "rb", buffering=0) as terminal:
            said = b""
            while b"ready" not in said:
                said += terminal.read(1000)
            job_id = (jobs.folder.path / "id").read_text().strip()
            disk.wait_for_held()
            os.kill(shell.pid, signal.SIGHUP)
            shell.wait(120)
    finally:
        shell.kill()
        shell.wait(120)
    driver = psutil.Process(jobs.driver(job_id))
    assert (driver.terminal(), os.getsid(driver.pid)) == (None, driver.pid)
    driver.send_signal(signal.SIGHUP)
    disk.allow()
    assert_done(jobs, job_id)


def test_ten_jobs_submitted_at_once_run_one_after_another_each_once(jobs: Stored) -> None:
    disk = SlowDisk.of(jobs.folder)
    hold = jobs.hold_device()
    with ThreadPoolExecutor(4) as threads:
        ids = list(threads.map(lambda n: jobs.submit(*MAP, "-o", f"y{n}.npy", *INLINE), range(10)))
    assert len(set(ids)) == 10
    # every one waits now, and says for what
    wait_until(lambda: all(jobs.state(job_id).reason for job_id in ids), "ten reasons")
    said = {jobs.state(job_id).reason.partition(" (")[0] for job_id in ids}
    assert said <= {"cpu is used by job of-a-test", *(f"behind job {job_id}, which wants cpu" for job_id in ids)}
    shown = jobs.call("status", ids[0]).out
    assert "PENDING" in shown
    assert "cpu" in shown
    drivers = {jobs.driver(job_id) for job_id in ids}
    hold.release()
    for n, job_id in enumerate(ids):
        assert_done(jobs, job_id, f"y{n}.npy")
    # no block of one was written between two blocks of another
    assert sorted(disk.writers()) == [(pid, N_BLOCKS) for pid in sorted(drivers)]


def test_death_of_the_holder_frees_the_device(jobs: Stored) -> None:
    disk = SlowDisk.of(jobs.folder, allowed=2)
    first = jobs.submit(*MAP, "-o", "y.npy", *INLINE)
    disk.wait_for_held()
    second = jobs.submit(*MAP, "-o", "z.npy", *INLINE)
    pid = jobs.driver(first)
    wait_until(lambda: f"used by job {first} (pid {pid})" in jobs.state(second).reason, "the reason")
    assert f"job {first}" in jobs.call("explain", second).out
    assert jobs.kill_driver(first).status == "INTERRUPTED"
    disk.wait_for_held(2)
    assert jobs.state(second).status == "RUNNING"
    disk.allow()
    assert_done(jobs, second, "z.npy")
    assert jobs.state(first).status == "INTERRUPTED"


def test_cancel_of_a_pending_job(jobs: Stored) -> None:
    hold = jobs.hold_device()
    job_id = jobs.submit(*MAP, "-o", "y.npy", *INLINE)
    wait_until(lambda: jobs.state(job_id).reason != "", "a reason to wait")
    done = jobs.call("cancel", job_id, "--json")
    state = jobs.state(job_id)
    assert (done.exit_code, state.status, state.exit_code) == (0, "CANCELLED", CANCELLED)
    assert state.error is not None
    assert state.error["next"] == f"arraymill resume {job_id}"
    assert f'"{job_id}": "CANCELLED"' in done.out
    assert sorted(path.name for path in jobs.folder.path.iterdir()) == ["x.npy"]
    # again: nothing happens
    assert jobs.call("cancel", job_id).exit_code == 0
    assert jobs.call("wait", job_id).exit_code == CANCELLED
    hold.release()
    # what was cancelled can be resumed
    assert jobs.call("resume", job_id).exit_code == 0
    assert_done(jobs, job_id)
    assert jobs.call("cancel", job_id).exit_code == 0
    assert jobs.state(job_id).status == "DONE"


@pytest.mark.parametrize("when", ["STARTING", "RUNNING"])
def test_cancel_of_a_job_on_a_cluster_ends_its_workers(jobs: Stored, when: str) -> None:
    disk = SlowDisk.of(jobs.folder, allowed=2)
    job_id = jobs.submit(*MAP, "-o", "y.npy", *LOCAL)
    if when == "RUNNING":
        disk.wait_for_held()
    else:
        wait_until(lambda: jobs.state(job_id).status != "PENDING", "the start")
    assert jobs.call("cancel", job_id).exit_code == 0
    assert jobs.state(job_id).status == "CANCELLED"
    wait_until(lambda: jobs.left_behind() == [], "the end of its processes")
    if when == "STARTING":
        return
    disk.allow()
    done = jobs.blocks(job_id)
    assert jobs.call("resume", job_id, "--quiet").exit_code == 0
    assert_done(jobs, job_id)
    assert jobs.blocks(job_id)[: len(done)] == done


def test_two_cancels_at_once_agree(jobs: Stored) -> None:
    disk = SlowDisk.of(jobs.folder, allowed=2)
    job_id = jobs.submit(*MAP, "-o", "y.npy", *INLINE)
    disk.wait_for_held()
    with ThreadPoolExecutor(2) as threads:
        found = list(threads.map(lambda _: jobs.call("cancel", job_id), range(2)))
    assert [done.exit_code for done in found] == [0, 0], found
    assert jobs.state(job_id).status == "CANCELLED"


def test_two_resumes_at_once_are_one_that_works_and_one_that_is_refused(jobs: Stored) -> None:
    disk = SlowDisk.of(jobs.folder, allowed=2)
    job_id = jobs.submit(*MAP, "-o", "y.npy", *INLINE)
    jobs.wait_for_blocks(job_id, 2)
    assert jobs.kill_driver(job_id).status == "INTERRUPTED"
    with jobs.folder.start("resume", job_id) as first, jobs.folder.start("resume", job_id) as second:
        wait_until(lambda: None in (found := {run.driver.poll() for run in (first, second)}) and len(found) == 2, "one")
        refused, works = (first, second) if first.driver.poll() is not None else (second, first)
        refused.finish().assert_refused(11, "error[job-running]", job_id)
        disk.allow()
        assert works.finish().exit_code == 0
    assert_done(jobs, job_id)


def test_killed_run_in_the_foreground_is_resumed_to_the_same_bytes(jobs: Stored) -> None:
    assert jobs.call("run", *MAP, "-o", "quiet.npy", *INLINE).exit_code == 0
    before = set(jobs.ids())
    disk = SlowDisk.of(jobs.folder, allowed=5)
    with jobs.folder.start("run", *MAP, "-o", "y.npy", *INLINE) as run:
        wait_until(lambda: len(jobs.ids()) == 2, "its job")
        (job_id,) = set(jobs.ids()) - before
        jobs.wait_for_blocks(job_id, 5)
        run.driver.kill()
        assert run.finish().exit_code == -signal.SIGKILL
    state = jobs.state(job_id)
    assert state.status == "INTERRUPTED"
    # it may be killed before it can say in its state what the ledger has
    write_state(jobs.at(job_id), replace(state, n_done=0))
    disk.allow()
    again = jobs.call("run", *MAP, "-o", "y.npy", *INLINE)
    again.assert_refused(2, "an unfinished job has a part of it", job_id, "5 of 16", f"arraymill resume {job_id}")
    resumed = jobs.call("resume", job_id)
    assert (resumed.exit_code, resumed.out.strip()) == (0, str(jobs.folder.path / "y.npy")), resumed
    assert_done(jobs, job_id)
    assert digest(jobs.folder.path / "y.npy") == digest(jobs.folder.path / "quiet.npy")


def test_force_starts_anew_where_an_unfinished_job_was(jobs: Stored) -> None:
    disk = SlowDisk.of(jobs.folder, allowed=2)
    old = jobs.submit(*MAP, "-o", "y.npy", *INLINE)
    jobs.wait_for_blocks(old, 2)
    jobs.kill_driver(old)
    disk.allow()
    new = jobs.submit(*MAP, "-o", "y.npy", *INLINE, "--force")
    assert_done(jobs, new)
    # the old one finds that the output is there, and lets it be
    jobs.call("resume", old).assert_refused(2, "y.npy: exists")
    np.testing.assert_array_equal(np.load(jobs.folder.path / "y.npy"), expected(jobs))
