"""A real GPU is measured: every rate is there, and tensor cores are the faster ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from arraymill.cluster.devices import gpus
from arraymill.jobs.api.calibration import known_calibration
from arraymill.jobs.api.measuring import measure_device
from arraymill.jobs.rates.calibration import is_plausible

pytestmark = pytest.mark.gpu


def test_a_gpu_is_measured_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARRAYMILL_HOME", str(tmp_path / "home"))
    found, path = measure_device("cuda", tmp_path)
    assert found.problems == ()
    assert set(found.flops) == {"f4", "f8", "tf32", "fp16", "bf16"}
    assert all(map(is_plausible, (found.to_device, found.from_device, found.read)))
    if gpus()[0].compute_capability >= (8, 0):
        assert found.flops["fp16"] > found.flops["tf32"] > found.flops["f4"]
    assert path is not None
    assert known_calibration("cuda") == found
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["home"]
