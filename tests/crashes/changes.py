"""What may happen to the input of a job that somebody else works with, too."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np

from .shapes import Case

__all__ = ["CHANGED_ROW", "CHANGES", "source_of"]

CHANGED_ROW = 3
"""Its row of the input is a block of its own; a chunk of the fingerprint holds this block and the one before."""


def source_of(case: Case) -> Path:
    """Return the input of a large job."""
    return case.input("a")


def change_content(path: Path) -> None:
    """Change a number in one block, in place."""
    array = np.load(path, mmap_mode="r+")
    array[CHANGED_ROW, 17] += 1
    array.flush()
    os.utime(path, ns=(10**18, 10**18))


def touch(path: Path) -> None:
    """Change the time alone."""
    os.utime(path, ns=(10**18, 10**18))


def copy_over(path: Path) -> None:
    """Put another file with the same content in its place."""
    copy = path.with_name("copy")
    shutil.copyfile(path, copy)
    copy.rename(path)


def truncate(path: Path) -> None:
    """Cut the end off."""
    os.truncate(path, path.stat().st_size // 2)


def reshape(path: Path) -> None:
    """Put an array of another shape in its place."""
    other = path.with_name("other.npy")
    np.save(other, np.zeros((4, 65536)))
    other.rename(path)


CHANGES = {change.__name__: change for change in (change_content, touch, copy_over, truncate, reshape)}
