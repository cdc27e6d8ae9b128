"""Who runs which block: a file per worker thread, so that a dead worker's last block is known and a hung one found.

A file holds one line: ``block seconds`` while a block runs, else ``-``. It need not survive a crash of the machine: no
write is synced, and one that fails only leaves the block unknown.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Running", "clear_board", "post", "read_board", "take_down"]

_WIDTH = 40
"""Every line is as long, so that one write replaces another."""
_IDLE = b"-".ljust(_WIDTH - 1) + b"\n"


@dataclass(frozen=True, slots=True)
class Running:
    """A block that is being run.

    Parameters
    ----------
    pid : int
    block : int
    started_s : float
        Of `time.monotonic`, whose zero all processes of a machine share.
    path : str
        Its file on the board.
    """

    pid: int
    block: int
    started_s: float
    path: str


@contextmanager
def post(folder: str | None, block: int) -> Iterator[None]:
    """Show on the board that this thread runs a block, for the duration of a ``with``."""
    if folder is None:
        yield
        return
    with suppress(OSError):
        os.pwrite(_line(folder), f"{block} {time.monotonic()!r}".encode().ljust(_WIDTH - 1) + b"\n", 0)
    try:
        yield
    finally:
        with suppress(OSError):
            os.pwrite(_line(folder), _IDLE, 0)


def read_board(folder: str) -> list[Running]:
    """Return what the board shows.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with post(folder, 17):
    ...         during = read_board(folder)
    ...     [running.block for running in during], read_board(folder)
    ([17], [])
    """
    found = []
    for path in _posted(folder):
        # it may be taken down meanwhile, and a worker may have died before its line was whole
        with suppress(OSError, ValueError):
            line = path.read_text(encoding="ascii")
            block, started_s = line[: line.index("\n")].split()
            found.append(Running(int(path.name.partition("-")[0]), int(block), float(started_s), str(path)))
    return found


def take_down(running: Running) -> None:
    """Remove what a dead worker left on the board."""
    with suppress(OSError):
        Path(running.path).unlink()


def clear_board(folder: str) -> None:
    """Remove what an earlier run left on the board."""
    for path in _posted(folder):
        with suppress(OSError):
            path.unlink()


def _posted(folder: str) -> list[Path]:
    try:
        return [path for path in Path(folder).iterdir() if path.name.partition("-")[0].isdecimal()]
    except FileNotFoundError:
        return []


class _Line:
    """The open file of a thread, closed at its end: opening one for every block costs more than a small block does."""

    __slots__ = ("descriptor", "path")

    def __init__(self) -> None:
        self.path = ""
        self.descriptor = -1

    def close(self) -> None:
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    def __del__(self) -> None:
        self.close()


_local = threading.local()


def _line(folder: str) -> int:
    """Return the descriptor of this thread's file on a board, opened again if it was removed or the job is another."""
    if not hasattr(_local, "line"):
        _local.line = _Line()
    line: _Line = _local.line
    path = f"{folder}/{os.getpid()}-{threading.get_native_id()}"
    if line.path != path or line.descriptor < 0 or os.fstat(line.descriptor).st_nlink == 0:
        line.close()
        line.path = path
        line.descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    return line.descriptor
