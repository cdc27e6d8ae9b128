"""Who runs which block: a file per running task, so that a dead worker's last block is known and a hung one found.

Nothing here outlives a crash of the machine, and nothing has to: the files are written without a sync, and a file that
cannot be written only costs the knowledge.
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
    path = f"{folder}/{os.getpid()}-{threading.get_native_id()}"
    with suppress(OSError):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            os.write(descriptor, b"%d %r\n" % (block, time.monotonic()))
        finally:
            os.close(descriptor)
    try:
        yield
    finally:
        with suppress(OSError):
            os.unlink(path)  # noqa: PTH108 - a Path costs more than the call


def read_board(folder: str) -> list[Running]:
    """Return what the board shows; a file that is half written is left out.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder, post(folder, 17):
    ...     [running.block for running in read_board(folder)]
    [17]
    """
    found = []
    for path in _posted(folder):
        # it may be taken down meanwhile, and a worker may have died before its line was whole
        with suppress(OSError, ValueError):
            line = path.read_text(encoding="ascii")
            block, started_s = line[: line.index("\n")].split(" ")
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
