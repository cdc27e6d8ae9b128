"""Resumes jobs in a process of their own, which outlives this one."""

from __future__ import annotations

from ...store import JobFolder
from .attempts import take_over
from .submission import start_driver

__all__ = ["resume_job_in_background"]


def resume_job_in_background(folder: JobFolder, *, accept_changed: bool = False) -> bool:
    """Start a process that runs what is left of a job; False if nothing is.

    Raises
    ------
    JobRunningError
        If a process works on it.
    """
    lock = take_over(folder)
    if lock is None:
        return False
    start_driver(folder, lock, *(["--accept-changed"] if accept_changed else []))
    return True
