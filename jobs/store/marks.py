"""What somebody who does not hold a job's lock may say about it: that it is to be cancelled."""

from __future__ import annotations

from .. import disk
from .files import write_file, writing
from .home import JobFolder

__all__ = ["mark_cancelled", "unmark_cancelled"]


def mark_cancelled(folder: JobFolder) -> None:
    """Say that a job is to be cancelled: ``folder.cancel`` exists from now on.

    Raises
    ------
    JobError
    """
    write_file(folder.cancel, b"")


def unmark_cancelled(folder: JobFolder) -> None:
    """Take that back, as a job that is resumed does.

    Raises
    ------
    JobError
    """
    if folder.cancel.exists():
        with writing(folder.cancel):
            disk.unlink(folder.cancel)
            disk.fsync_folder(folder.path)
