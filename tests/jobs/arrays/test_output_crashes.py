"""One output, stopped at each of its effects on the disk: the final name shows the old file, the new one, or none."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from disk_faults import Died, FaultyDisk

from arraymill.jobs.arrays import (
    Output,
    SummingWriter,
    adopt_output,
    block_checksum,
    create_output,
    was_published,
)
from arraymill.jobs.blocks import Grid, as_slices, region_shape
from arraymill.jobs.errors import JobError, OutputError

F8 = np.dtype("<f8")
GRID = Grid((4, 6), (2, 4))
NEW = np.arange(24.0).reshape(4, 6)
OLD = -np.ones((4, 6))


@dataclass
class Ledger:
    """What a job's own records would hold: nothing is in them that was not durable before."""

    info: dict[str, Any] | None = None
    done: dict[int, int] = field(default_factory=dict)
    is_committed: bool = False


def run(path: Path, ledger: Ledger, *, replace: bool) -> None:
    """Do what is left of a job that writes `NEW`."""
    if ledger.info is not None and was_published(path, NEW.shape, F8, "C", info=ledger.info):
        ledger.is_committed = True
        return
    with take(path, ledger, replace=replace) as output:
        ledger.info = output.info()
        for block, region in enumerate(GRID.regions()):
            if block in ledger.done:
                assert ledger.done[block] == block_checksum(output.target, [region])
                continue
            with output.target.open(durable=True) as opened:
                writer = SummingWriter(opened, output.target.header)
                writer.write(region, NEW[as_slices(region)].reshape(region_shape(region)))
            ledger.done[block] = writer.crc
        output.publish()
    ledger.is_committed = True


def take(path: Path, ledger: Ledger, *, replace: bool) -> Output:
    if ledger.info is not None:
        try:
            return adopt_output(path, NEW.shape, F8, "C", replace=replace, info=ledger.info)
        except OutputError:
            ledger.done.clear()
    return create_output(path, NEW.shape, F8, "C", replace=replace, inputs=())


def prepare(folder: Path, *, has_old: bool) -> Path:
    folder.mkdir()
    if has_old:
        np.save(folder / "y.npy", OLD)
    return folder / "y.npy"


def is_old_or_new(path: Path, *, has_old: bool) -> bool:
    """Return whether nothing half is to be seen."""
    if not path.exists():
        return not has_old
    seen = np.load(path)
    return np.array_equal(seen, NEW) or (has_old and np.array_equal(seen, OLD))


def is_finished(path: Path) -> bool:
    return np.array_equal(np.load(path), NEW) and list(path.parent.iterdir()) == [path]


def interrupted(path: Path, ledger: Ledger, at: int, how: str | int, *, replace: bool) -> bool:
    """Run until effect `at`; return whether it came to that."""
    with pytest.MonkeyPatch.context() as patch:
        FaultyDisk(patch, at, how)
        try:
            run(path, ledger, replace=replace)
        except Died:
            return True
    return False


@pytest.mark.parametrize("has_old", [False, True])
@pytest.mark.parametrize("first_how", ["before", "after", "half"])
def test_a_job_that_dies_twice_anywhere_finishes_whole(tmp_path: Path, has_old: bool, first_how: str) -> None:
    n_states, first = 0, 0
    came_to_it = True
    while came_to_it:
        first += 1
        second = 0
        goes_on = True
        while goes_on:
            second += 1
            n_states += 1
            path = prepare(tmp_path / str(n_states), has_old=has_old)
            ledger = Ledger()
            came_to_it = interrupted(path, ledger, first, first_how, replace=has_old)
            assert is_old_or_new(path, has_old=has_old)
            goes_on = interrupted(path, ledger, second, "before", replace=has_old)
            assert is_old_or_new(path, has_old=has_old)
            run(path, ledger, replace=has_old)
            assert ledger.is_committed
            assert is_finished(path)
    assert n_states > 100


@pytest.mark.parametrize("has_old", [False, True])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EDQUOT])
def test_an_error_of_any_effect_is_a_job_error_and_leaves_nothing_half(
    tmp_path: Path, number: int, has_old: bool
) -> None:
    errors: list[JobError] = []
    for at in range(1, 100):
        path = prepare(tmp_path / str(at), has_old=has_old)
        ledger = Ledger()
        with pytest.MonkeyPatch.context() as patch:
            FaultyDisk(patch, at, number)
            try:
                run(path, ledger, replace=has_old)
            except JobError as error:
                errors.append(error)
        assert is_old_or_new(path, has_old=has_old)
        if len(errors) < at:
            break
        run(path, ledger, replace=has_old)
        assert is_finished(path)
    assert len(errors) > 10
    said = [f"{error.what} {error.cause}" for error in errors]
    assert [text for text in said if "y.npy" not in text] == []
    reasons = ("disk is full", os.strerror(number))
    assert [text for text in said if not any(reason in text for reason in reasons)] == []
    assert [error.what for error in errors if not error.next] == []


@pytest.mark.parametrize("replace", [False, True])
def test_the_file_is_durable_before_it_has_its_name_and_the_name_before_publish_returns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, replace: bool
) -> None:
    faulty = FaultyDisk(monkeypatch)
    run(tmp_path / "y.npy", Ledger(), replace=replace)
    blocks = ["pwritev", "pwritev", "fdatasync", "pwritev", "pwritev", "fdatasync"]
    naming = ["rename"] if replace else ["link", "fsync_folder", "unlink"]
    effects = [name for name, _ in faulty.log]
    # runs of blocks far apart in the file are written one by one: only the order of kinds is a fact
    assert effects[:5] == ["create", "reserve", "pwritev", "fsync", "fsync_folder"]
    assert ["fdatasync", "fsync", *naming, "fsync_folder"] == effects[-3 - len(naming) :]
    assert set(blocks) == set(effects[5 : -2 - len(naming)])
    assert effects.count("fdatasync") == GRID.n_blocks


def test_every_block_is_synced_after_its_last_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with create_output(tmp_path / "y.npy", NEW.shape, F8, "C", replace=False, inputs=()) as output:
        faulty = FaultyDisk(monkeypatch)
        with output.target.open(durable=True) as writer:
            writer.write(((0, 4), (0, 3)), NEW[:, :3])
        effects = [name for name, _ in faulty.log]
        assert (effects.count("pwritev"), effects[-1]) == (4, "fdatasync")


LIMITED = """
import json, resource, sys
import numpy as np
from arraymill.jobs.arrays import create_output
from arraymill.jobs.errors import JobError

def run(path, limit):
    with create_output(path, (10_000,), np.dtype("f8"), "C", replace=True, inputs=()) as output:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
        with output.target.open(durable=True) as writer:
            writer.write(((0, 10_000),), np.ones(10_000))
        output.publish()
    return "published"

outcomes = {}
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
for when in ("create", "write"):
    for limit in (0, 100, 4096, 5000, 8191, 12000, 4096 + 80000 - 1, 4096 + 80000):
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit if when == "create" else hard, hard))
        try:
            outcome = run(sys.argv[1], limit)
        except JobError as error:
            outcome = error.what
        outcomes[f"{when} {limit}"] = outcome
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        assert np.load(sys.argv[1]).shape == ((10_000,) if "published" in outcomes.values() else (4, 6))
print(json.dumps(outcomes))
"""


def test_a_limit_of_file_size_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "y.npy"
    np.save(path, OLD)
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(path)], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    outcomes = json.loads(done.stdout)
    full = f"{path}: the disk is full, or a quota or limit of file size is reached"
    enough = [f"{when} {4096 + 80_000}" for when in ("create", "write")]
    assert dict.fromkeys(outcomes, full) | dict.fromkeys(enough, "published") == outcomes
    assert (16, [path]) == (len(outcomes), list(tmp_path.iterdir()))
    assert np.load(path).sum() == 10_000
