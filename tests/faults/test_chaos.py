"""Jobs whose workers and drivers are killed at random: the same bytes, nothing done twice, nothing left behind."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import fault_tally
import numpy as np
import pytest
from faults.injection import invocations
from faults.sizes import IS_SOAK
from faults.storm import N_BLOCKS, Storm
from integration.commands import Folder, digest

from arraymill.jobs.store import read_ledger

COMMANDS = {
    "map": ("run", "map", "x.npy", "--expr", "x * 3 - 1", "--set", "compute.block=4KiB"),
    "reduce": ("run", "sum", "x.npy", "--axis", "0", "--set", "compute.block=4KiB"),
}
TOUGH = (
    "--cluster", "local", "--workers", "2", "--set", "fault.max_worker_deaths=1000", "--set", "fault.timeout_s=600",
)  # fmt: skip
STORMS = [("map", 1, 16), ("reduce", 2, 14)]
if IS_SOAK:
    STORMS = [(name, seed, 25) for seed in range(3, 23) for name in COMMANDS]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """Return a folder with an input of 200 rows in it, which the drivers of a storm can be started in."""
    path_of_tests = str(Path(__file__).parents[1])
    made = Folder(tmp_path / "work", tmp_path / "temporary", {"PYTHONPATH": path_of_tests})
    for path in (made.path, made.temporary, tmp_path / "counts"):
        path.mkdir()
    np.save(made.path / "x.npy", np.random.default_rng(5).standard_normal((N_BLOCKS, 512)))
    return made


@pytest.mark.parametrize(("name", "seed", "n_blows"), STORMS)
def test_a_storm_of_kills_changes_nothing(folder: Folder, tmp_path: Path, name: str, seed: int, n_blows: int) -> None:
    with fault_tally.counted("survived byte-identical", n_blows):
        storm = Storm(folder, tmp_path / "counts", seed, n_blows)
        done = storm.run(*COMMANDS[name], "-o", "y.npy", *TOUGH)
        assert done.exit_code == 0, done
        assert "Traceback" not in done.err
        assert len(storm.acknowledged) == n_blows
        assert storm.n_drivers >= 1
        assert_nothing_done_ran_again(storm)
        assert_every_block_is_recorded_once(storm)
        assert digest(folder.path / "y.npy") == undisturbed(folder, name)


def undisturbed(folder: Folder, name: str) -> str:
    """Return the SHA-256 of the output of the same job in peace."""
    assert folder.run(*COMMANDS[name], "-o", "z.npy", "--cluster", "inline", changes=["z.npy"]).exit_code == 0
    return digest(folder.path / "z.npy")


def assert_nothing_done_ran_again(storm: Storm) -> None:
    """Check that what the ledger called done at the moment of a kill never ran after it."""
    counts = invocations(storm.counts)
    assert set(counts) == set(range(N_BLOCKS))
    for acknowledged in storm.acknowledged:
        assert {block: counts[block] for block in acknowledged} == acknowledged


def assert_every_block_is_recorded_once(storm: Storm) -> None:
    records, _ = read_ledger(storm.job.ledger)
    recorded = Counter(record["block"] for record in records if record["kind"] == "block")
    assert recorded == dict.fromkeys(range(N_BLOCKS), 1)
