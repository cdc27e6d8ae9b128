"""The lines of a log file: its end, or all that comes until the job is over."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from .terminal import escape

__all__ = ["follow_log", "read_log", "shown_line"]

_POLL_S = 0.1


def shown_line(line: bytes) -> str:
    """Return a line as it is safe to print; tabs stay.

    >>> shown_line(b"a\\tb\\x1b[2J\\r\\n")
    'a\\tb\\\\x1b[2J'
    """
    text = line.rstrip(b"\r\n").decode(errors="surrogateescape")
    return "\t".join(escape(part) for part in text.split("\t"))


def read_log(path: Path, n_last: int | None = None) -> list[str]:
    """Return the last lines of a file, or all; none if it is not there.

    Raises
    ------
    OSError
        If it is there and cannot be read.
    """
    try:
        with path.open("rb") as file:
            return [shown_line(line) for line in deque(file, n_last)]
    except FileNotFoundError:
        return []


def follow_log(
    path: Path,
    is_over: Callable[[], bool],
    *,
    n_last: int | None = None,
    sleep: Callable[[float], object] = time.sleep,
) -> Iterator[str]:
    """Yield the lines of a file that others append to, until it is over.

    Parameters
    ----------
    path : Path
        It need not be there yet.
    is_over : callable
        Whether nothing more will be written.
    n_last : int, optional
        Of what is there already, only so many lines.
    sleep : callable
        Waits between two looks.
    """
    while not path.exists():
        if is_over():
            return
        sleep(_POLL_S)
    with path.open("rb") as file:
        rest = b""
        first, rest = _lines_of(file, rest)
        yield from map(shown_line, deque(first, n_last))
        was_over = False
        while not was_over:
            # asked before the last look: what was written until then is seen
            was_over = is_over()
            lines, rest = _lines_of(file, rest)
            yield from map(shown_line, lines)
            if not was_over and not lines:
                sleep(_POLL_S)
        if rest:
            yield shown_line(rest)


def _lines_of(file: BinaryIO, rest: bytes) -> tuple[list[bytes], bytes]:
    """Return the whole lines that are there now, and the beginning of the next."""
    *lines, rest = (rest + file.read()).split(b"\n")
    return lines, rest
