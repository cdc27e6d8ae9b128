"""What a folder can do that jobs rely on: hold bytes, rename in one step, lock, reserve space, and how fast it is."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from ..sizes import format_bytes
from .checks import Check

__all__ = ["folder_check"]

_PROBE_BYTES = 32 << 20
_LITTLE_FREE = 1 << 30


def folder_check(name: str, folder: Path) -> Check:
    """Return whether outputs can be written to a folder, by writing a small file there.

    Parameters
    ----------
    name : str
        What the folder is for.
    folder : pathlib.Path
    """
    try:
        free = shutil.disk_usage(folder).free
        if free < 2 * _PROBE_BYTES:
            return Check(name, "warn", f"{folder}: {format_bytes(free)} free", "make room")
        with tempfile.TemporaryDirectory(prefix=".arraymill-doctor-", dir=folder) as scratch:
            return _probe(name, folder, Path(scratch), free)
    except OSError as error:
        advice = "run in a folder that you may write to"
        return Check(name, "warn", f"{folder}: {error.strerror or error}", advice)


def _probe(name: str, folder: Path, scratch: Path, free: int) -> Check:
    speed = _write_speed(scratch / "probe")
    troubles = [said for test, said in _TESTS if not test(scratch / "probe")]
    found = f"{folder}: {format_bytes(free)} free, writes {format_bytes(speed)}/s"
    if troubles:
        return Check(name, "warn", f"{found}; {', '.join(troubles)}", "write outputs to a local disk")
    if free < _LITTLE_FREE:
        return Check(name, "warn", found, "make room, or run in another folder")
    return Check(name, "ok", f"{found}; rename, lock and reserve work")


def _write_speed(path: Path) -> float:
    # Not zeros: some file systems store those as holes and would look infinitely fast.
    block = os.urandom(1 << 20)
    started = time.perf_counter()
    with path.open("wb") as file:
        for _ in range(_PROBE_BYTES // len(block)):
            file.write(block)
        file.flush()
        os.fdatasync(file.fileno())
    return _PROBE_BYTES / max(time.perf_counter() - started, 1e-9)


def _renames(path: Path) -> bool:
    """Return whether a rename replaces an existing file in one step."""
    target = path.with_name("target")
    target.write_bytes(b"old")
    source = path.with_name("source")
    source.write_bytes(b"new")
    os.replace(source, target)  # noqa: PTH105 - the call that publishes an output
    return target.read_bytes() == b"new"


def _locks(path: Path) -> bool:
    """Return whether a lock held through one open file keeps another from taking it."""
    with path.open("rb") as first, path.open("rb") as second:
        try:
            fcntl.flock(first, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        try:
            fcntl.flock(second, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            return error.errno in (errno.EAGAIN, errno.EACCES)
        return False


def _reserves(path: Path) -> bool:
    """Return whether space can be reserved, so that a full disk shows before the run and not in it."""
    with path.with_name("reserved").open("wb") as file:
        try:
            os.posix_fallocate(file.fileno(), 0, 1 << 20)
        except OSError:
            return False
    return True


_TESTS: tuple[tuple[Callable[[Path], bool], str], ...] = (
    (_renames, "an output cannot be renamed into place"),
    (_locks, "two runs cannot be kept apart by locks"),
    (_reserves, "space cannot be reserved"),
)
