"""The devices that a job wants, its place in the queue for them, and those that it was given."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from .. import disk
from . import held

__all__ = ["DeviceHold", "Ticket", "Wants"]


@dataclass(frozen=True, slots=True)
class Wants:
    """Any `n` of some devices.

    Parameters
    ----------
    n : int
    devices : tuple of str
        Their names, those that are liked best first: "cpu", or the UUIDs of GPUs.

    Raises
    ------
    ValueError
        If there are fewer devices than wanted.

    Examples
    --------
    >>> print(Wants(1, ("cpu",)), "-", Wants(1, ("GPU-1", "GPU-2")))
    cpu - 1 of GPU-1, GPU-2
    """

    n: int
    devices: tuple[str, ...]

    def __post_init__(self) -> None:
        if not 1 <= self.n <= len(set(self.devices)) == len(self.devices):
            raise ValueError(f"{self.n} of the devices {self.devices}")

    def __str__(self) -> str:
        names = ", ".join(self.devices)
        return names if self.n == len(self.devices) else f"{self.n} of {names}"


@dataclass(slots=True)
class Ticket:
    """A place in the queue, for as long as the process lives, or until it is released.

    Parameters
    ----------
    number : int
        Lower ones come first.
    job_id : str
    wants : Wants
    path : Path
    descriptor : int
        Locked; -1 once released.
    """

    number: int
    job_id: str
    wants: Wants
    path: Path
    descriptor: int

    def release(self) -> None:
        """Leave the queue. Does nothing the second time."""
        descriptor, self.descriptor = self.descriptor, -1
        if descriptor >= 0:
            with suppress(OSError):
                disk.unlink(self.path)
            held.let_go(descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


@dataclass(slots=True)
class DeviceHold:
    """Devices that a job has for itself, until it releases them or its process dies.

    Parameters
    ----------
    devices : tuple of str
    descriptors : tuple of int
        One locked file for each.
    """

    devices: tuple[str, ...]
    descriptors: tuple[int, ...]

    def release(self) -> None:
        """Free the devices. Does nothing the second time."""
        descriptors, self.descriptors = self.descriptors, ()
        for descriptor in descriptors:
            held.let_go(descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()
