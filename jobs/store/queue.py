"""Many jobs on one machine without a daemon: tickets in order, and one lock for each device."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from .. import disk
from ..locks import unlock_and_close
from . import held
from .files import create_file, make_folder, writing
from .home import home_folder
from .tickets import DeviceHold, Ticket, Wants

__all__ = ["DeviceQueue"]

_N_DIGITS = 10


@dataclass(frozen=True, slots=True)
class DeviceQueue:
    """The queue for the devices of this machine, shared by all jobs under one home.

    Machines that share a home share its queue: a GPU has a name of its own, and "cpu" is that of the ticket's machine.
    Nothing in it outlives the machine's next start, so nothing is synced.

    Parameters
    ----------
    home : Path, optional
        `home_folder()` by default.

    Examples
    --------
    >>> queue = DeviceQueue(Path("home").absolute())
    >>> first, second = (queue.take_ticket(name, Wants(1, ("cpu",))) for name in ("job-a", "job-b"))
    >>> queue.try_take(second)
    'behind job job-a, which wants cpu'
    >>> cpu = queue.try_take(first)
    >>> queue.try_take(second).replace(str(os.getpid()), "4242")
    'cpu is used by job job-a (pid 4242)'
    >>> cpu.release()
    >>> with queue.try_take(second) as hold:
    ...     hold.devices
    ('cpu',)
    """

    home: Path | None = None

    def take_ticket(self, job_id: str, wants: Wants) -> Ticket:
        """Return a place behind all jobs that wait.

        Raises
        ------
        JobError
            If the queue cannot be written.
        """
        with writing(self._queue), self._alone():
            number = max((number for number, _ in self._paths()), default=0) + 1
            path = self._queue / f"{number:0{_N_DIGITS}}"
            descriptor = held.hold(path)
            assert descriptor is not None, "its name was not there a moment ago"
            ticket = Ticket(number, job_id, wants, path, descriptor)
            try:
                said = {"job": job_id, "n": wants.n, "devices": wants.devices, "host": os.uname().nodename}
                disk.write(descriptor, json.dumps(said).encode())
            except BaseException:
                ticket.release()
                raise
            return ticket

    def try_take(self, ticket: Ticket) -> DeviceHold | str:
        """Return the devices of a ticket, which is then given up, or the reason why it must wait.

        It waits behind every older ticket that wants one of the same devices, so that none waits for ever.

        Raises
        ------
        JobError
            If the queue cannot be read.
        """
        with writing(self._queue), self._alone():
            for job_id, wants in self._older(ticket.number):
                if not set(wants.devices).isdisjoint(ticket.wants.devices):
                    return f"behind job {job_id}, which wants {wants}"
            found = self._take(ticket)
            if isinstance(found, DeviceHold):
                ticket.release()
            return found

    def _take(self, ticket: Ticket) -> DeviceHold | str:
        taken: dict[str, int] = {}
        used: list[str] = []
        try:
            for device in ticket.wants.devices:
                if len(taken) == ticket.wants.n:
                    break
                if (descriptor := held.hold(self._lock_path(device))) is None:
                    used.append(f"{device} is used by {held.read_note(self._lock_path(device)) or 'another process'}")
                    continue
                taken[device] = descriptor
            if len(taken) == ticket.wants.n:
                for descriptor in taken.values():
                    held.write_note(descriptor, f"job {ticket.job_id} (pid {os.getpid()})")
                hold = DeviceHold(tuple(taken), tuple(taken.values()))
                taken = {}
                return hold
        finally:
            for descriptor in taken.values():
                held.let_go(descriptor)
        return "; ".join(used)

    def _older(self, number: int) -> Iterator[tuple[str, Wants]]:
        for other, path in self._paths():
            if other >= number:
                return
            if held.is_held(path):
                with suppress(ValueError, KeyError, TypeError, OSError):
                    said = json.loads(path.read_bytes())
                    if "cpu" not in said["devices"] or said["host"] == os.uname().nodename:
                        yield said["job"], Wants(said["n"], tuple(said["devices"]))
            else:
                # its process is dead
                with suppress(OSError):
                    disk.unlink(path)

    def _paths(self) -> Sequence[tuple[int, Path]]:
        names = sorted(path for path in self._queue.iterdir() if path.name.isdecimal() and len(path.name) == _N_DIGITS)
        return [(int(path.name), path) for path in names]

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep every other process out, for as long as it takes to look at a few files."""
        make_folder(self._queue)
        make_folder(self._locks)
        descriptor = create_file(self._queue / "lock", os.O_RDWR)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            unlock_and_close(descriptor)

    def _lock_path(self, device: str) -> Path:
        # one file for each name, whatever is in it
        name = f"cpu-{os.uname().nodename}" if device == "cpu" else device
        return self._locks / f"{quote(name, safe='')}.lock"

    @property
    def _root(self) -> Path:
        return home_folder() if self.home is None else self.home

    @property
    def _queue(self) -> Path:
        return self._root / "queue"

    @property
    def _locks(self) -> Path:
        return self._root / "locks"
