"""Folders to run commands in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from integration.commands import Folder
from integration.stored import Stored, write_input


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """Return an empty folder, with a temporary folder of its own beside it."""
    made = Folder(tmp_path / "work", tmp_path / "temporary")
    for path in (made.path, made.temporary):
        path.mkdir()
    return made


@pytest.fixture
def work(folder: Folder) -> Folder:
    """Return a folder with two small files in it, x.npy and y.npy, of shape (4, 3)."""
    x = np.arange(12, dtype=np.float32).reshape(4, 3)
    np.save(folder.path / "x.npy", x)
    np.save(folder.path / "y.npy", x + 1)
    return folder


@pytest.fixture
def jobs(folder: Folder) -> Iterator[Stored]:
    """Return the store of the folder, which holds the input of a small job of many blocks; no process is left in it."""
    write_input(folder)
    stored = Stored(folder)
    yield stored
    stored.end_all()
