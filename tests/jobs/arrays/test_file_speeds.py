from __future__ import annotations

import os
from pathlib import Path

import pytest

from arraymill.jobs.arrays import file_speeds
from arraymill.jobs.arrays.file_speeds import recall, remember


@pytest.fixture
def descriptors(tmp_path: Path) -> list[int]:
    paths = [tmp_path / name for name in "ab"]
    for path in paths:
        path.write_bytes(b"x")
    return [os.open(path, os.O_RDONLY) for path in paths]


def test_files_and_habits_are_told_apart(descriptors: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_speeds, "_seen", {})
    first, second = descriptors
    remember("is slow", first, True)
    assert recall("is slow", first, default=False)
    assert not recall("is slow", second, default=False)
    assert recall("pays once", first, default=True)
    remember("is slow", first, False)
    assert not recall("is slow", first, default=True)
    for descriptor in descriptors:
        os.close(descriptor)


def test_what_is_remembered_is_bounded(descriptors: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_speeds, "_seen", {("is slow", 0, n): True for n in range(1000)})
    remember("is slow", descriptors[0], True)
    assert len(file_speeds._seen) == 1
    for descriptor in descriptors:
        os.close(descriptor)
