"""Begins an attempt at a stored job: at a new one, at one that `submit` handed to this process, or at one resumed."""

from __future__ import annotations

from contextlib import suppress

from ...errors import JobError
from ...job import open_job
from ...spec.job_spec import JobSpec
from ...store import JobFolder, JobLock, find_job, read_settled, read_state, remove_job
from ..outcome import Outcome
from ..watch import SILENT, Watch
from .claims import check_output
from .conclusion import conclude
from .creation import absolute_spec, create_job, read_spec, with_absolute_params
from .driver import drive
from .loaded import with_arrays

__all__ = ["drive_submitted", "resume_job", "run_stored", "take_over"]


def run_stored(spec: JobSpec, *, watch: Watch = SILENT) -> Outcome:
    """Run a new job in this process; one that is stopped before it began leaves nothing, later it can be resumed.

    Raises
    ------
    JobError, ClusterError
    """
    # as the stored job will say it, or a resume would take it for another
    job = open_job(with_absolute_params(spec))
    check_output(job)
    folder, lock = create_job(absolute_spec(spec))
    watch.on_create(folder.id)
    try:
        return with_arrays(drive(folder, lock, job, watch=watch, in_foreground=True), folder)
    except BaseException:
        # what went wrong matters more than that it could not be tidied up
        with suppress(JobError):
            if read_settled(folder).plan is None:
                remove_job(folder)
        raise


def drive_submitted(job_id: str, lock_descriptor: int, *, watch: Watch, accept_changed: bool = False) -> Outcome:
    """Run a job whose lock this process inherited, and return its outcome.

    Raises
    ------
    JobError, ClusterError
        The job's state says the same.
    """
    folder = find_job(job_id)
    return _drive_again(folder, JobLock.adopt(folder, lock_descriptor), watch, accept_changed=accept_changed)


def resume_job(folder: JobFolder, *, watch: Watch = SILENT, accept_changed: bool = False) -> Outcome | None:
    """Run what is left of a job in this process; None if nothing is.

    Raises
    ------
    JobRunningError
        If a process works on it.
    JobError, ClusterError
    """
    lock = take_over(folder)
    if lock is None:
        return None
    watch.on_create(folder.id)
    return with_arrays(_drive_again(folder, lock, watch, accept_changed=accept_changed), folder)


def take_over(folder: JobFolder) -> JobLock | None:
    """Take the lock of a job that may be resumed; None if nothing of it is left to do.

    Raises
    ------
    JobRunningError
        If a process works on it.
    """
    lock = JobLock.acquire(folder)
    if read_state(folder).status == "DONE":
        lock.release()
        return None
    # a request to cancel was meant for the attempt that has ended
    folder.cancel.unlink(missing_ok=True)
    return lock


def _drive_again(folder: JobFolder, lock: JobLock, watch: Watch, *, accept_changed: bool) -> Outcome:
    try:
        job = open_job(read_spec(folder))
    except BaseException as error:
        shown = conclude(folder, error, None)
        lock.release()
        raise shown from error
    return drive(folder, lock, job, watch=watch, accept_changed=accept_changed)
