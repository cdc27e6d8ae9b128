"""A real calibration of this machine: every rate is there, nothing is left on the disk, and jobs come out the same."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from arraymill.jobs.api import calibration, measuring
from arraymill.jobs.api.stored.attempts import run_stored
from arraymill.jobs.gauges import calibrate
from arraymill.jobs.gauges.scratch import is_reserved, scratch_file
from arraymill.jobs.rates.calibration import Calibration, is_plausible
from arraymill.jobs.report import report_of
from arraymill.jobs.spec.job_spec import JobSpec
from arraymill.jobs.store import JobFolder, jobs_folder, read_settled, read_state


def can_reserve(folder: Path) -> bool:
    with scratch_file(folder, 1 << 20) as descriptor:
        os.posix_fallocate(descriptor, 0, 1 << 20)
        return is_reserved(descriptor)


def assert_whole(found: Calibration, folder: Path) -> None:
    rates = [found.read, found.most_read, found.map_read, found.durable_write, *found.writes.values()]
    assert all(map(is_plausible, [*rates, *found.flops.values()])), found
    assert set(found.flops) == {"f4", "f8"}
    assert set(found.writes) == {1, 2, 4}
    assert is_plausible(found.map_write) or not can_reserve(folder)
    assert 0 < found.share <= 1


# a machine that is busy with tests may not come to the last gauge within a second and a half
patient = partial(calibrate, total_s=60.0)


def test_this_machine_is_measured_without_a_trace(tmp_path: Path) -> None:
    n_descriptors = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    found = patient("cpu", tmp_path)
    assert_whole(found, tmp_path)
    assert found.problems == () or not can_reserve(tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert len(os.listdir("/proc/self/fd")) == n_descriptors  # noqa: PTH208


def test_a_process_of_its_own_measures_too(tmp_path: Path) -> None:
    command = [sys.executable, "-P", "-m", "arraymill.jobs.gauges", "cpu", str(tmp_path), "1"]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert Calibration.from_json(json.loads(ran.stdout)).flops["f4"] > 0
    assert list(tmp_path.iterdir()) == []


def test_a_job_on_workers_measures_before_its_first_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARRAYMILL_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(calibration, "_WORTH_S", 0.0)
    monkeypatch.setattr(measuring, "calibrate", patient)
    x = np.random.default_rng(0).standard_normal((500, 40), np.float32)
    np.save(tmp_path / "x.npy", x)
    answers, ceilings = [], []
    for name in ("first", "second"):
        spec = JobSpec(
            op="sum",
            inputs=[str(tmp_path / "x.npy")],
            params={"axis": 0},
            output=str(tmp_path / f"{name}.npy"),
            compute={"block": 20_000},
            cluster={"kind": "local", "workers": 1},
        )
        outcome = run_stored(spec)
        folder = JobFolder(jobs_folder() / outcome.job_id)
        settled = read_settled(folder)
        assert settled.plan is not None
        ceilings.append((settled.plan["ceilings"]["is_measured"], report_of(read_state(folder), settled, settled.plan)))
        answers.append((tmp_path / f"{name}.npy").read_bytes())
    # the first was planned before anything was known, and compared with what its worker measured
    assert [planned for planned, _ in ceilings] == [False, True]
    assert [report.ceilings for _, report in ceilings] == ["measured", "measured"]
    assert answers[0] == answers[1]
    assert len(list((tmp_path / "home" / "calibration").iterdir())) == 1
    assert sorted(path.name for path in tmp_path.glob("*.npy")) == ["first.npy", "second.npy", "x.npy"]
