"""Who works on a job: the one process that holds the lock in its folder."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from ..errors import JobError, JobRunningError, NoSuchJobError
from ..locks import unlock_and_close
from . import held
from .files import writing
from .held import Holder
from .home import JobFolder

__all__ = ["JobLock", "cancelling", "has_open", "holder_of", "is_locked", "lock_holder"]

_N_LOOKS, _PAUSE_S = 5000, 0.001
_PASSING_S = 2.0


@dataclass(slots=True)
class JobLock:
    """The right to work on a job and to write in its folder, until it is released or the process dies.

    Parameters
    ----------
    folder : JobFolder
    fd : int
        Open and locked; -1 once released. Other processes get it only where it is passed on purpose (``pass_fds``).

    Examples
    --------
    >>> from pathlib import Path
    >>> folder = JobFolder(Path("kbdm3xqa").absolute())
    >>> folder.path.mkdir()
    >>> with JobLock.acquire(folder):
    ...     holder_of(folder) == os.getpid()
    True
    >>> holder_of(folder) is None
    True
    """

    folder: JobFolder
    fd: int

    @classmethod
    def acquire(cls, folder: JobFolder) -> Self:
        """Take the lock of a job.

        Raises
        ------
        JobRunningError
            If another process holds it.
        NoSuchJobError
            If the job was removed.
        """
        if not folder.path.is_dir():
            raise NoSuchJobError(f"no job {folder.id}", cause=f"{folder.path} is gone", next="arraymill list")
        return cls(folder, _hold(folder))._mine()

    @classmethod
    def adopt(cls, folder: JobFolder, fd: int) -> Self:
        """Go on with a lock that the process that started this one took.

        Raises
        ------
        JobError
            If the descriptor is not the job's lock.
        """
        try:
            is_lock = os.path.samestat(os.fstat(fd), folder.lock.stat())
        except OSError:
            is_lock = False
        if not is_lock:
            raise JobError(f"the lock of job {folder.id} was not handed over", cause=f"descriptor {fd} is not it")
        held.adopt(fd)
        return cls(folder, fd)._mine()

    def set_holder(self, pid: int) -> None:
        """Say which process is to be signalled to stop the job."""
        with writing(self.folder.lock):
            held.write_note(self.fd, f"{pid} {os.uname().nodename}")

    def hand_over(self, pid: int) -> None:
        """Leave the lock to a process that it was passed to: the job is free when that process dies."""
        self.set_holder(pid)
        self.leave()

    def leave(self) -> None:
        """Close this process's hold on the job, which stays another's that it was passed to, if that lives."""
        descriptor, self.fd = self.fd, -1
        if descriptor >= 0:
            held.leave(descriptor)

    def release(self) -> None:
        """Free the job. Does nothing the second time."""
        descriptor, self.fd = self.fd, -1
        if descriptor >= 0:
            held.let_go(descriptor)

    def _mine(self) -> Self:
        try:
            self.set_holder(os.getpid())
        except BaseException:
            self.release()
            raise
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def _hold(folder: JobFolder) -> int:
    """Return the job's lock, open and locked; what a dead holder leaves is waited for.

    A process that was killed while it started another one lives on in the lock's copy of that one, until its exec.
    """
    deadline = time.monotonic() + _PASSING_S
    while True:
        with writing(folder.lock):
            descriptor = held.hold(folder.lock)
        if descriptor is not None:
            return descriptor
        holder = lock_holder(folder)
        if time.monotonic() > deadline or (holder is not None and not holder.is_dead):
            raise JobRunningError(
                f"job {folder.id} is running",
                cause=f"{holder or 'another process'} works on it",
                safe="nothing was touched",
                next=f"arraymill wait {folder.id}, or arraymill cancel {folder.id}",
            )
        time.sleep(_PAUSE_S)


def is_locked(folder: JobFolder) -> bool:
    """Return whether a process works on a job. Nothing is created or changed."""
    return held.is_held(folder.lock)


def lock_holder(folder: JobFolder) -> Holder | None:
    """Return the process that works on a job, or None. Nothing is created or changed."""
    for _ in range(_N_LOOKS):
        if not is_locked(folder):
            return None
        words = held.read_note(folder.lock).split()
        if len(words) == 2 and words[0].isdecimal() and int(words[0]) > 1:
            return Holder(int(words[0]), words[1])
        # it took the lock a moment ago, and has not written its number yet
        time.sleep(_PAUSE_S)
    return None


def holder_of(folder: JobFolder) -> int | None:
    """Return the number of the process that works on a job, or None. Nothing is created or changed."""
    holder = lock_holder(folder)
    return None if holder is None else holder.pid


def has_open(folder: JobFolder, pid: int) -> bool:
    """Return whether a process of this machine has the lock of a job open.

    A job's lock says the number of its holder, which may be another process by now, or one of another machine's.
    """
    try:
        lock = folder.lock.stat()
        descriptors = list(Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return False
    for descriptor in descriptors:
        # it may be closed meanwhile
        with suppress(OSError):
            if os.path.samestat(descriptor.stat(), lock):
                return True
    return False


@contextmanager
def cancelling(folder: JobFolder) -> Iterator[None]:
    """Let one process at a time cancel a job, for the length of a ``with``; this keeps no process from the job's lock.

    The one that cancels may have to take the job's lock, to write the last state: a second one would take it for the
    driver, and signal it.

    Raises
    ------
    JobError
        If the folder is gone.
    """
    with writing(folder.path):
        descriptor = os.open(folder.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        # some file systems have no locks for folders
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        unlock_and_close(descriptor)
