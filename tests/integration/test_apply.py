"""Functions of the user on worker processes that do not have their file, and what becomes of jobs that fail or stop."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from integration.commands import wait_until
from integration.slow_disk import SlowDisk
from integration.stored import INLINE, LOCAL, N_BLOCKS, Stored

from arraymill.jobs.store import read_settled

MINE = """
import os
import sys

import numpy as np

DATA = np.float32(3)


def triple(x):
    return x * DATA


def who(x):
    rows = len(x)
    return {"pid": np.full(rows, os.getpid()), "imported": np.full(rows, "mine" in sys.modules)}


def refuse(x):
    if (x[:, 0] == 17).any():
        with open("tries", "a") as file:
            file.write("once\\n")
        raise ValueError("seventeen")
    return x
"""
APPLY = ("apply", "x.npy", "--batch-size", "8", "--set", "compute.block=4KiB")
RUN = ("run", *APPLY, "-o", "y.npy")


@pytest.fixture
def folder_of(jobs: Stored) -> Path:
    (jobs.folder.path / "mine.py").write_text(MINE)
    return jobs.folder.path


def test_workers_run_what_they_cannot_import(jobs: Stored, folder_of: Path) -> None:
    ran = jobs.call(*RUN, *LOCAL, "--function", "mine.py:who")
    assert ran.exit_code == 0, ran
    # the main result is the first output
    pids = set(np.load(folder_of / "y.npy").tolist())
    assert len(pids) == 2
    assert os.getpid() not in pids
    assert not np.load(folder_of / "y.imported.npy").any()


def test_an_error_of_the_user_is_shown_as_his_and_not_tried_again(jobs: Stored, folder_of: Path) -> None:
    x = np.load(folder_of / "x.npy")
    x[17, 0] = 17
    np.save(folder_of / "x.npy", x)
    # a module of this folder, which travels by value
    ended = jobs.call(*RUN, *LOCAL, "--function", "mine:refuse")
    ended.assert_refused(1, "mine:refuse failed on rows 16:24 (block 2)", "ValueError: seventeen", "in refuse")
    assert (folder_of / "tries").read_text() == "once\n"
    assert "jobs/operations" not in ended.err


def test_a_killed_job_goes_on_with_the_same_code_alone(jobs: Stored, folder_of: Path) -> None:
    disk = SlowDisk.of(jobs.folder, allowed=3)
    job_id = jobs.submit(*APPLY, "--function", "mine.py:triple", "-o", "y.npy", *INLINE)
    # the blocks of a step are in a ledger of its own
    wait_until(lambda: len(read_settled(jobs.at(job_id)).done) >= 3, "three blocks")
    jobs.kill_driver(job_id)
    done = read_settled(jobs.at(job_id)).done
    assert 3 <= len(done) < N_BLOCKS
    disk.allow()
    (folder_of / "mine.py").write_text(MINE.replace("float32(3)", "float32(4)"))
    jobs.call("resume", job_id).assert_refused(3, "another than when the job began", "mine.py:triple: its SHA-256 is")
    (folder_of / "mine.py").write_text(MINE)
    resumed = jobs.call("resume", job_id)
    assert resumed.exit_code == 0, resumed
    after = read_settled(jobs.at(job_id)).done
    assert sorted(after) == list(range(N_BLOCKS))
    assert {block: after[block] for block in done} == done
    x = np.load(folder_of / "x.npy")
    np.testing.assert_array_equal(np.load(folder_of / "y.npy"), x * np.float32(3))
