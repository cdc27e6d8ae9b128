"""Facts of measuring on request: the result is kept, and a GPU is measured by a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from arraymill.cluster.nvml import Gpu
from arraymill.jobs.api import calibration, measuring
from arraymill.jobs.api.calibration import known_calibration, this_machine
from arraymill.jobs.api.measuring import measure_device
from arraymill.jobs.rates.calibration import Calibration
from arraymill.jobs.store import read_calibration

ONE = Calibration("cpu", time.time(), 1.1, 1.0, 2, "/", read=9e9, flops={"f4": 1e11, "f8": 5e10})


def test_what_the_doctor_measures_is_kept(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measuring, "calibrate", lambda device, folder, *, n_cores: ONE)
    found, path = measure_device("cpu", tmp_path)
    assert found == read_calibration(this_machine("cpu"))
    assert path is not None
    assert path.parent == home / "calibration"


@pytest.mark.parametrize(("first", "second", "kept"), [(1.0, 0.5, 1.0), (0.5, 0.4, 0.4), (0.5, 1.0, 1.0)])
def test_what_was_measured_in_peace_stays(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: float, second: float, kept: float
) -> None:
    for share in (first, second):
        told = replace(ONE, share=share)
        monkeypatch.setattr(measuring, "calibrate", lambda device, folder, *, n_cores, told=told: told)
        measure_device("cpu", tmp_path)
    assert known_calibration("cpu") == replace(ONE, share=kept)


def test_a_gpu_is_measured_by_a_process_of_its_own(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "gauges.py"
    script.write_text(f"print({json.dumps(replace(ONE, device='cuda').to_json())!r})")
    commands = []

    def run(command: list[str], **options: Any) -> Any:
        commands.append(command)
        return real([sys.executable, str(script)], **options)

    real = subprocess.run
    monkeypatch.setattr(measuring.subprocess, "run", run)
    monkeypatch.setattr(calibration, "gpus", lambda: (Gpu(0, "GPU-1", "NVIDIA H100", 1, 1, (9, 0)),))
    found, _ = measure_device("cuda", tmp_path)
    assert found.device == "cuda"
    assert commands[0][3:6] == ["arraymill.jobs.gauges", "cuda", str(tmp_path)]
    assert known_calibration("cuda") == found
    assert known_calibration("cpu") is None


@pytest.mark.parametrize("code", ["raise SystemExit(3)", "print('no JSON')", "print('{}')"])
def test_a_gpu_that_cannot_be_measured_is_said(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    real = subprocess.run
    monkeypatch.setattr(
        measuring.subprocess, "run", lambda command, **options: real([sys.executable, "-c", code], **options)
    )
    with pytest.raises(RuntimeError, match="the cuda device was not measured"):
        measure_device("cuda", tmp_path)
