"""Keeps late workers of earlier runs of a job from writing: runs are numbered, and a file holds the current number."""

from __future__ import annotations

import os
from dataclasses import dataclass

from ..errors import InterruptedJobError

__all__ = ["Fence", "StaleEpochError"]


class StaleEpochError(InterruptedJobError):
    """Another run of the same job has begun, so this one must not write any more."""

    id = "stale-epoch"


@dataclass(frozen=True, slots=True)
class Fence:
    """The epoch that a task belongs to.

    Parameters
    ----------
    path : str
        The job's epoch file: one number.
    epoch : int
    """

    path: str
    epoch: int

    def check(self) -> None:
        """Check that the epoch is still the job's.

        Raises
        ------
        StaleEpochError
            If the file holds another number, or is gone.
        """
        try:
            # before every write: as few calls as there can be
            descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                found = os.read(descriptor, 64).decode("ascii", "replace").strip()
            finally:
                os.close(descriptor)
        except OSError as error:
            found = error.strerror or str(error)
        if found != str(self.epoch):
            raise StaleEpochError(
                "another run of this job has begun",
                cause=f"this one is number {self.epoch}; {self.path} says: {found}",
                safe="nothing was written since",
                next="look at the job with: arraymill status",
            )
