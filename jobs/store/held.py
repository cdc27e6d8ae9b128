"""Files of which each is held by one process at a time, under ``flock``: the kernel frees them when it dies.

A holder locks the file exclusively. A process that only looks locks it shared, for a moment: several can look at once,
and where even a shared lock is refused there is a holder.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from .. import disk
from ..locks import unlock_and_close
from .files import create_file

__all__ = ["Holder", "adopt", "hold", "is_held", "leave", "let_go", "read_note", "write_note"]

_NOTE_BYTES = 512
_LOOK_PAUSE_S = 0.001

_held: set[int] = set()
_cares_for_children = False


@dataclass(frozen=True, slots=True)
class Holder:
    """The process that holds a file.

    Parameters
    ----------
    pid : int
    host : str
        Name of the machine that the number belongs to: home folders may be shared between machines.
    """

    pid: int
    host: str

    @property
    def is_dead(self) -> bool:
        """Whether there is no such process any more, as far as can be told from here."""
        if self.host != os.uname().nodename:
            return False
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            pass
        return _is_zombie(self.pid)

    def __str__(self) -> str:
        return f"pid {self.pid}" if self.host == os.uname().nodename else f"pid {self.pid} on {self.host}"


def hold(path: Path) -> int | None:
    """Take a file and return its descriptor, or None if another process holds it.

    The descriptor is closed in children, whether they are forked or started, unless it is passed on purpose.

    Raises
    ------
    OSError
        If the file cannot be created, or its file system has no locks.
    """
    while True:
        descriptor = create_file(path, os.O_RDWR)
        try:
            taken = _take(descriptor)
            if taken and _has_name(descriptor, path):
                adopt(descriptor)
                return descriptor
        except BaseException:
            unlock_and_close(descriptor)
            raise
        unlock_and_close(descriptor)
        if not taken:
            return None


def adopt(descriptor: int) -> None:
    """Keep a locked descriptor from being passed to children."""
    global _cares_for_children
    os.set_inheritable(descriptor, False)
    if not _cares_for_children:
        os.register_at_fork(after_in_child=_close_all)
        _cares_for_children = True
    _held.add(descriptor)


def let_go(descriptor: int) -> None:
    """Free a file, and close its descriptor."""
    _end(descriptor, unlock_and_close)


def leave(descriptor: int) -> None:
    """Close a descriptor that was passed to another process: the file stays locked while that has it."""
    _end(descriptor, os.close)


def is_held(path: Path) -> bool:
    """Return whether a process holds a file; nothing is changed, and no other process is kept from taking it."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        return not _flock(descriptor, fcntl.LOCK_SH)
    except OSError:
        return False
    finally:
        unlock_and_close(descriptor)


def _is_zombie(pid: int) -> bool:
    """Return whether a process has ended, though its parent has not asked how, or a thread of it is still ending."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return False
    return state in ("Z", "X")


def write_note(descriptor: int, note: str) -> None:
    """Write into a file that is held who holds it, in one write of a fixed length: no reader finds a part of it."""
    disk.pwritev(descriptor, [memoryview(note.encode().ljust(_NOTE_BYTES)[:_NOTE_BYTES])], 0)


def read_note(path: Path) -> str:
    """Return what the last holder of a file said, or an empty text."""
    try:
        with path.open("rb") as file:
            return file.read(_NOTE_BYTES).decode(errors="replace").strip()
    except OSError:
        return ""


def _end(descriptor: int, close: Callable[[int], None]) -> None:
    # After a fork the number may belong to another file of the child.
    if descriptor in _held:
        _held.discard(descriptor)
        close(descriptor)


def _take(descriptor: int) -> bool:
    while not _flock(descriptor, fcntl.LOCK_EX):
        # a shared lock is refused by a holder alone; a process that looks will be gone in a moment
        if not _flock(descriptor, fcntl.LOCK_SH):
            return False
        fcntl.flock(descriptor, fcntl.LOCK_UN)
        time.sleep(_LOOK_PAUSE_S)
    return True


def _flock(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _has_name(descriptor: int, path: Path) -> bool:
    """Return whether the name still belongs to the open file: somebody may have removed it before it was taken."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.lstat())
    except FileNotFoundError:
        return False


def _close_all() -> None:
    for descriptor in _held:
        with suppress(OSError):
            os.close(descriptor)
    _held.clear()
