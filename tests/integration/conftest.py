"""Folders to run commands in."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from integration.commands import Folder


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """Return an empty folder, with a temporary folder of its own beside it."""
    made = Folder(tmp_path / "work", tmp_path / "temporary")
    for path in (made.path, made.temporary):
        path.mkdir()
    return made


@pytest.fixture(autouse=True, scope="session")
def commands_can_be_interrupted() -> Iterator[None]:
    """Let commands start with SIGINT as a terminal leaves it: shells ignore it in what they run in the background."""
    before = signal.getsignal(signal.SIGINT)
    if before is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def work(folder: Folder) -> Folder:
    """Return a folder with two small files in it, x.npy and y.npy, of shape (4, 3)."""
    x = np.arange(12, dtype=np.float32).reshape(4, 3)
    np.save(folder.path / "x.npy", x)
    np.save(folder.path / "y.npy", x + 1)
    return folder
