"""What this process has seen of the speed of files: it chooses how they are read, and changes no bit of any answer."""

from __future__ import annotations

import os
from typing import Literal, TypeAlias

__all__ = ["Habit", "recall", "remember"]

Habit: TypeAlias = Literal["pays once", "is slow"]
"""A view pays even if it is used once, since the page cache holds the file in huge pages; the disk was waited for."""

_MOST_REMEMBERED = 256

_seen: dict[tuple[Habit, int, int], bool] = {}


def remember(habit: Habit, descriptor: int, value: bool) -> None:
    """Keep what was seen of an open file last; little is kept for long.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryFile() as file:
    ...     remember("is slow", file.fileno(), True)
    ...     recall("is slow", file.fileno(), default=False)
    True
    """
    if len(_seen) > _MOST_REMEMBERED:
        _seen.clear()
    _seen[_key(habit, descriptor)] = value


def recall(habit: Habit, descriptor: int, *, default: bool) -> bool:
    """Return what was seen of an open file, or `default` of one that is unknown."""
    return _seen.get(_key(habit, descriptor), default)


def _key(habit: Habit, descriptor: int) -> tuple[Habit, int, int]:
    status = os.fstat(descriptor)
    return habit, status.st_dev, status.st_ino
