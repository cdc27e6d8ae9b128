"""Jobs of which nothing goes wrong: nothing dies, nothing is tried twice, nothing is warned of."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from faults.sizes import IS_SOAK
from integration.commands import Folder, wait_until

from arraymill.jobs.store import JobFolder, read_ledger, read_state

N_ROUNDS = 4 if IS_SOAK else 1
JOBS = {
    "map": ("map", "x.npy", "--expr", "x * 3 - 1", "--set", "compute.block=32KiB"),
    "reduce": ("sum", "x.npy", "--axis", "0", "--set", "compute.block=32KiB"),
    "reduce-rows": ("mean", "x.npy", "--axis", "1", "--set", "compute.block=32KiB"),
    "reduce-all": ("std", "x.npy", "--set", "compute.block=32KiB"),
    "contract": ("matmul", "x.npy", "y.npy", "--set", "compute.block=256KiB"),
}
LOCAL = ("--cluster", "local", "--workers", "2")
PROGRESS = re.compile(r"\w+: \d+ of \d+ blocks \(\d+ %\), .*")
RECEIPT = re.compile(r"z\.npy: \(.*\) float64, .*; \d+ blocks in .*")
STEPS = ["plan", "output", "epoch", "verified", "committed"]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    made = Folder(tmp_path / "work", tmp_path / "temporary")
    for path in (made.path, made.temporary):
        path.mkdir()
    chance = np.random.default_rng(3)
    np.save(made.path / "x.npy", chance.standard_normal((192, 256)))
    np.save(made.path / "y.npy", chance.standard_normal((256, 192)))
    return made


@pytest.mark.parametrize("turn", range(N_ROUNDS))
@pytest.mark.parametrize("name", JOBS)
def test_a_normal_job_is_quiet(folder: Folder, name: str, turn: int) -> None:
    with folder.start("run", *JOBS[name], "-o", "z.npy", *LOCAL) as run:
        done = run.finish()
        assert (done.exit_code, done.out) == (0, "z.npy\n"), done
        wait_until(lambda: run.left_behind() == [], "the end of the workers")
    *progress, receipt = done.err.splitlines()
    assert [line for line in progress if not PROGRESS.fullmatch(line)] == []
    assert RECEIPT.fullmatch(receipt), receipt
    assert folder.left_in_temporary() == set()
    (path,) = (folder.home / "jobs").iterdir()
    assert_the_books_are_plain(JobFolder(path))


def assert_the_books_are_plain(job: JobFolder) -> None:
    """Check that the ledger holds each step and each block once, and nothing else; workers said nothing."""
    records, _ = read_ledger(job.ledger)
    assert [record["kind"] for record in records if record["kind"] != "block"] == STEPS
    n_blocks = next(record["n_blocks"] for record in records if record["kind"] == "plan")
    blocks = [record for record in records if record["kind"] == "block"]
    assert Counter(record["block"] for record in blocks) == dict.fromkeys(range(n_blocks), 1)
    assert {(record["attempt"], record["n_splits"]) for record in blocks} == {(1, 0)}
    assert len({record["pid"] for record in blocks}) <= 2
    state = read_state(job)
    assert (state.status, state.exit_code, state.error) == ("DONE", 0, None)
    assert (state.retries, state.splits, state.deaths) == (0, 0, 0)
    for log in job.workers.iterdir():
        assert [line for line in log.read_text().splitlines() if not line.startswith("-- pid ")] == []
