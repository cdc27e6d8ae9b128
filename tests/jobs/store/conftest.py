"""A home for jobs of its own for each test of the store."""

from __future__ import annotations

from pathlib import Path

import pytest

from arraymill.jobs.store import JobFolder, create_job_folder


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home that is not there yet."""
    monkeypatch.setenv("ARRAYMILL_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def folder(home: Path) -> JobFolder:
    """The folder of a new job."""
    return create_job_folder()
