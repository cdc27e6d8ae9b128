"""Where an output is: its file or folder, and the name of the array inside behind ``::``."""

from __future__ import annotations

import os
from pathlib import Path

from .locations import locate

__all__ = ["absolute_output", "output_file"]


def absolute_output(path: str | os.PathLike[str]) -> str:
    """Return the path of an output that means the same in every folder.

    >>> absolute_output("/data/./y.zarr::group/y")
    '/data/y.zarr::group/y'
    """
    location = locate(os.fspath(path))
    return location.path if location.member is None else f"{location.path}::{location.member}"


def output_file(path: str | os.PathLike[str]) -> Path:
    """Return the absolute path of an output's file or folder, without the name of the array inside.

    >>> output_file("/data/y.zarr::group/y")
    PosixPath('/data/y.zarr')
    """
    return Path(locate(os.fspath(path)).path)
