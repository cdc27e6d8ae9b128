"""A home for jobs that is empty, and files to work on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from arraymill.jobs.spec.job_spec import JobSpec


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder that holds the jobs of this test."""
    path = tmp_path / "home"
    monkeypatch.setenv("ARRAYMILL_HOME", str(path))
    return path


@pytest.fixture
def x() -> NDArray[np.float64]:
    return np.random.default_rng(3).standard_normal((400, 50))


@pytest.fixture
def x_path(tmp_path: Path, x: NDArray[np.float64]) -> Path:
    path = tmp_path / "x.npy"
    np.save(path, x)
    return path


@pytest.fixture
def map_spec(home: Path, tmp_path: Path, x_path: Path) -> JobSpec:
    """Return a job of 40 blocks that each write their own rows of y.npy."""
    return JobSpec(
        op="map",
        inputs=[str(x_path)],
        params={"expr": "x * 2 + 1"},
        output=str(tmp_path / "y.npy"),
        compute={"block": 4000},
        cluster={"kind": "inline", "workers": 2},
    )


@pytest.fixture
def sum_spec(home: Path, tmp_path: Path, x_path: Path) -> JobSpec:
    """Return a job whose 40 blocks are parts of one sum, without an output file."""
    return JobSpec(
        op="sum",
        inputs=[str(x_path)],
        compute={"block": 4000},
        cluster={"kind": "inline", "workers": 2},
    )
