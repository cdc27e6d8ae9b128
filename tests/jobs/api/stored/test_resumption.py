"""What a resumed job would do after a change of inputs that are not one .npy file."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from stored_arrays import FORMATS, store
from stored_jobs import Receipt

from arraymill.jobs.api.planned import plan_of
from arraymill.jobs.api.stored.creation import absolute_spec, create_job
from arraymill.jobs.api.stored.preparation import record_plan
from arraymill.jobs.api.stored.resumption import assess
from arraymill.jobs.arrays import partial_path
from arraymill.jobs.errors import InputChangedError
from arraymill.jobs.job import open_job
from arraymill.jobs.spec.job_spec import JobSpec
from arraymill.jobs.store import JobFolder, Journal

X = np.arange(40_000.0).reshape(4000, 10)
BY_RANGES = (".npy", "stored .npz", "raw", "HDF5")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARRAYMILL_HOME", str(tmp_path / "home"))


def begun_job(kind: str, folder: Path) -> JobFolder:
    """Return a job of which blocks 0 to 2 are done."""
    folder.mkdir()
    entry = store(kind, folder / "x", X)
    tree = {"op": "sum", "inputs": {"x": entry}, "params": {"axis": 1}, "compute": {"block": "80000", "device": "cpu"}}
    job = open_job(absolute_spec(JobSpec.model_validate(tree)))
    stored, lock = create_job(job.spec)
    plan, place = plan_of(job)
    assert plan.n_blocks >= 4
    with Journal.open(stored) as journal:
        record_plan(stored, job, journal, plan, place)
        journal.start_epoch()
        for block in range(3):
            journal.done(Receipt(block))
        journal.commit()
    lock.release()
    return stored


@pytest.mark.parametrize("kind", [kind for kind in FORMATS if kind != "compressed .npz"])
def test_a_changed_input_makes_blocks_stale_by_name(kind: str, tmp_path: Path) -> None:
    folder = begun_job(kind, tmp_path / "data")
    # the output that was begun, without which all of it would run again
    partial_path(folder.result).touch()
    before = assess(folder)
    assert (before.changes, before.stale, before.done) == ((), {}, {0, 1, 2})
    files = sorted(path for path in (tmp_path / "data").rglob("*") if path.is_file() and path.stat().st_size > 300)
    place = files[0].read_bytes().find(X[1500:1503].tobytes()) + 12
    content = bytearray(files[0].read_bytes())
    content[max(place, len(content) // 2) if kind not in BY_RANGES else place] ^= 1
    files[0].write_bytes(content)
    found = assess(folder)
    assert isinstance(found.refusal, InputChangedError)
    (name,) = [record["name"] for record in json.loads(folder.plan.read_bytes())["inputs"]]
    (change,) = found.changes
    assert change.startswith(f"input {name} changed: mtime, content")
    assert found.stale == dict.fromkeys([1] if kind in BY_RANGES else [0, 1, 2], change)
