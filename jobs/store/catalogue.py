"""All jobs of a user: listed, found by what is typed, removed."""

from __future__ import annotations

import shutil
from difflib import get_close_matches
from pathlib import Path

from .. import disk
from ..errors import NoSuchJobError
from .files import writing
from .home import JobFolder, is_job_id, jobs_folder
from .lock import JobLock
from .state import read_state

__all__ = ["discard_folder", "find_job", "list_jobs", "remove_job"]

_SHORTEST_PREFIX = 2
_REMOVED = ".removed"


def list_jobs() -> list[JobFolder]:
    """Return the folders of all jobs, the newest first. Nothing is created, and what else lies there is passed over."""
    folders = _folders()
    ages = {folder: (read_state(folder).created_s or _changed_s(folder.path)) for folder in folders}
    return sorted(folders, key=lambda folder: (-ages[folder], folder.id))


def find_job(text: str) -> JobFolder:
    """Return the folder of the job that a text names: its id, its name, or the beginning of its id.

    Parameters
    ----------
    text : str
        At least two letters of the id; a name or a beginning that only one job has.

    Raises
    ------
    NoSuchJobError
        If no job or several are meant; it says which are near.
    """
    exact = JobFolder(jobs_folder() / text)
    if is_job_id(text) and exact.path.is_dir():
        return exact
    folders = _folders()
    names = {folder: read_state(folder).name for folder in folders}
    called = [folder for folder in folders if text and names[folder] == text]
    begun = [folder for folder in folders if len(text) >= _SHORTEST_PREFIX and folder.id.startswith(text)]
    found = called or begun
    if len(found) == 1:
        return found[0]
    if found:
        meant = ", ".join(sorted(folder.id for folder in found))
        raise NoSuchJobError(f"{text!r} means {len(found)} jobs", cause=meant, next="give the id of one of them")
    near = get_close_matches(text, {*(folder.id for folder in folders), *names.values()} - {""}, cutoff=0.5)
    raise NoSuchJobError(
        f"no job {text!r}",
        cause=f"near it: {', '.join(near)}" if near else f"{len(folders)} jobs in {jobs_folder()}",
        next="arraymill list shows all of them",
    )


def remove_job(folder: JobFolder) -> None:
    """Remove the folder of a job that nobody works on. Outputs that lie elsewhere stay.

    Raises
    ------
    JobRunningError
        If a process works on it.
    JobError
        If it cannot be removed.
    """
    with JobLock.acquire(folder), writing(folder.path):
        # Under another name first: no reader finds half of a job.
        disk.rename(folder.path, folder.path.with_name(f".{folder.id}{_REMOVED}"))
        # and what a process left that died while it removed a job
        for doomed in folder.path.parent.glob(f".*{_REMOVED}"):
            shutil.rmtree(doomed, ignore_errors=True)


def discard_folder(folder: JobFolder) -> None:
    """Remove the folder of a job that never came to be; what cannot be removed stays."""
    shutil.rmtree(folder.path, ignore_errors=True)


def _folders() -> list[JobFolder]:
    try:
        names = [path for path in jobs_folder().iterdir() if is_job_id(path.name) and path.is_dir()]
    except OSError:
        return []
    return [JobFolder(path) for path in sorted(names)]


def _changed_s(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
