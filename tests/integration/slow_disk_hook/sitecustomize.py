"""Makes the disk of a command's outputs as slow as a test says; the interpreter imports it at its start.

It is found through PYTHONPATH by every process that a command starts, and does nothing unless SLOW_DISK is set.
See `integration.slow_disk`.
"""

import ctypes
import itertools
import os
import time
from pathlib import Path


def _make_slow(folder: Path) -> None:
    sync, numbers = os.fdatasync, itertools.count(1)

    def slow_fdatasync(descriptor: int) -> None:
        sync(descriptor)
        if not Path(f"/proc/self/fd/{descriptor}").readlink().name.endswith(".partial"):
            return
        number = next(numbers)
        _append(folder / "syncs", f"{os.getpid()}\n")
        if number > _allowed(folder):
            (folder / f"held-{os.getpid()}-{number}").write_text(_start())
        while number > _allowed(folder):
            _wait((folder / "way").read_text())

    os.fdatasync = slow_fdatasync


def _allowed(folder: Path) -> int:
    return int((folder / "allowed").read_text())


def _start() -> str:
    """Return when this process started: its number alone may be another's before long."""
    return Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19]


def _wait(way: str) -> None:
    if way == "spin":
        end = time.monotonic() + 0.05
        while time.monotonic() < end:
            pass
    elif way == "hold":
        # with the interpreter's lock held, as a badly written extension does
        ctypes.PyDLL(None).sleep(600)
    else:
        time.sleep(0.01)


def _append(path: Path, line: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(descriptor, line.encode())
    finally:
        os.close(descriptor)


if "SLOW_DISK" in os.environ:
    _make_slow(Path(os.environ["SLOW_DISK"]))
