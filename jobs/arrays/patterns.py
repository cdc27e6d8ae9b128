"""Patterns such as ``runs/*.npy``: which files they stand for, and in which order."""

from __future__ import annotations

import glob
import re

from ..errors import InputError

__all__ = ["matching_paths"]


def matching_paths(pattern: str) -> tuple[str, ...]:
    """Return the paths that match a pattern, numbers in them by their size: ``2.npy`` comes before ``10.npy``.

    Parameters
    ----------
    pattern : str
        With ``*``, ``?``, ``[...]`` and, for folders in folders, ``**``; an array's name behind ``::`` is that of each.

    Raises
    ------
    InputError
        If nothing matches.
    """
    path, mark, member = pattern.partition("::")
    found = sorted(glob.glob(path, recursive=True), key=_by_number)
    if not found:
        raise InputError(f"{pattern}: no file matches", cause="0 files", next="check the pattern, and quote it")
    return tuple(f"{each}{mark}{member}" for each in found)


def _by_number(path: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"([0-9]+)", path)]
