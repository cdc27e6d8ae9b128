"""Workers and drivers of real jobs killed and stopped at random: the results keep their bytes, nothing runs twice."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from chaos.storm import Storm
from fault_tally import counted
from integration.commands import Folder, digest, wait_until
from integration.stored import LOCAL, Stored

IS_SOAK = os.environ.get("HYPOTHESIS_PROFILE") == "soak"
N_BLOWS = 1000 if IS_SOAK else 30
N_BLOCKS = 200
SETTINGS = ("--set", "fault.max_worker_deaths=1000", *LOCAL)
JOBS = {
    # each block takes some hundredths of a second: long enough to be hit, short enough to come on
    "map": ("map", "x.npy", "--expr", "exp(sin(x)) + log1p(abs(x))", "--set", "compute.block=400KB"),
    "reduce": ("var", "x.npy", "--axis", "0", "--set", "compute.block=400KB"),
}


@pytest.fixture
def jobs(tmp_path: Path) -> Iterator[Stored]:
    folder = Folder(tmp_path / "work", tmp_path / "temporary")
    for path in (folder.path, folder.temporary):
        path.mkdir()
    x = np.random.default_rng(0).standard_normal((N_BLOCKS * 200, 500), dtype=np.float32)
    np.save(folder.path / "x.npy", x)
    stored = Stored(folder)
    yield stored
    stored.end_all()


@pytest.mark.timeout(7200 if IS_SOAK else 600)
def test_a_storm_of_kills_changes_nothing(jobs: Stored) -> None:
    clean = {name: undisturbed(jobs, name) for name in JOBS}
    storm = Storm(jobs, seed=1)
    n_jobs = 0
    while storm.blows.total() < N_BLOWS:
        name = list(JOBS)[n_jobs % len(JOBS)]
        n_jobs, before = n_jobs + 1, storm.blows.total()
        output = f"{name}-{n_jobs}.npy"
        job_id = jobs.submit(*JOBS[name], *SETTINGS, "-o", output)
        storm.rage(job_id, N_BLOWS)
        with counted("survived byte-identical", storm.blows.total() - before):
            assert jobs.wait_for(job_id, "DONE").exit_code == 0
            assert digest(jobs.folder.path / output) == clean[name]
            assert_once(jobs, storm, job_id)
        jobs.wait_until_free(job_id)
    assert storm.blows["driver killed"] > 0
    wait_until(lambda: jobs.left_behind() == [], "the end of every process")


def undisturbed(jobs: Stored, name: str) -> str:
    """Return the digest of a job's output that nothing happened to."""
    done = jobs.call("run", *JOBS[name], "-o", f"{name}.npy", "--cluster", "inline")
    assert done.exit_code == 0, done
    return digest(jobs.folder.path / f"{name}.npy")


def assert_once(jobs: Stored, storm: Storm, job_id: str) -> None:
    """Check that every block was acknowledged once, and none again that the ledger held when a driver was killed."""
    assert Counter(jobs.blocks(job_id)) == Counter(range(jobs.state(job_id).n_blocks))
    assert storm.acknowledged.get(job_id, set()) <= set(jobs.blocks(job_id))
