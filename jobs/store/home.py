"""Where jobs live: one folder for each, under one home."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_state_path

from .. import disk
from ..errors import JobError, SpecError
from .files import is_full, make_folder, make_new_folder, store_error, writing

__all__ = [
    "JobFolder",
    "create_job_folder",
    "create_step_folder",
    "home_folder",
    "is_job_id",
    "jobs_folder",
    "new_job_id",
]

_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_DIGITS = "234567"
_ID = re.compile(r"[a-z][a-z2-7]{7}")
_N_ID = 8


def home_folder() -> Path:
    """Return where the jobs of this user live: ``$ARRAYMILL_HOME``, or the user's state folder. Nothing is created.

    Examples
    --------
    >>> import os
    >>> os.environ["ARRAYMILL_HOME"] = "/scratch/me"
    >>> home_folder()
    PosixPath('/scratch/me')
    >>> del os.environ["ARRAYMILL_HOME"]
    """
    chosen = os.environ.get("ARRAYMILL_HOME")
    return Path(chosen).expanduser().absolute() if chosen else user_state_path("arraymill")


def jobs_folder() -> Path:
    """Return the folder of all jobs' folders. Nothing is created."""
    return home_folder() / "jobs"


def new_job_id() -> str:
    """Return a name for a job: 8 lower-case letters and digits that cannot be taken for one another.

    Notes
    -----
    26 * 32**7 names: of 10,000 jobs two have the same with a probability of 6e-5, and then the second draws again.

    Examples
    --------
    >>> name = new_job_id()
    >>> len(name), name[0].isalpha(), is_job_id(name)
    (8, True, True)
    """
    first, *rest = os.urandom(_N_ID)
    # 32 of them: each as likely as any other
    return _LETTERS[first % len(_LETTERS)] + "".join((_LETTERS + _DIGITS)[byte % 32] for byte in rest)


def is_job_id(text: str) -> bool:
    """Return whether a text has the form of a job's name."""
    return _ID.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class JobFolder:
    """The folder of a job, and what lies where in it.

    Parameters
    ----------
    path : Path
        Absolute.

    Examples
    --------
    >>> folder = JobFolder(Path("/scratch/me/jobs/kbdm3xqa"))
    >>> folder.id, folder.ledger.name
    ('kbdm3xqa', 'ledger.jsonl')
    """

    path: Path

    @property
    def id(self) -> str:
        """Name of the job."""
        return self.path.name

    @property
    def spec(self) -> Path:
        """The job file, fully resolved."""
        return self.path / "spec.yaml"

    @property
    def state(self) -> Path:
        """How the job stands."""
        return self.path / "state.json"

    @property
    def plan(self) -> Path:
        """Stages, block grid, predictions, fingerprints of the inputs."""
        return self.path / "plan.json"

    @property
    def ledger(self) -> Path:
        """One checksummed line for all that counts."""
        return self.path / "ledger.jsonl"

    @property
    def partials(self) -> Path:
        """The partials of blocks that are done."""
        return self.path / "partials.bin"

    @property
    def epoch(self) -> Path:
        """Number of the attempt that may write; workers of earlier ones find theirs is stale."""
        return self.path / "epoch"

    @property
    def driver_log(self) -> Path:
        """What the driver says."""
        return self.path / "driver.log"

    @property
    def workers(self) -> Path:
        """Folder of what the workers say, one ``.log`` each."""
        return self.path / "workers"

    @property
    def report(self) -> Path:
        """The receipt."""
        return self.path / "report.json"

    @property
    def page(self) -> Path:
        """The receipt to look at, once somebody asked for it."""
        return self.path / "report.html"

    @property
    def lock(self) -> Path:
        """Held by the process that works on the job."""
        return self.path / "lock"

    @property
    def cancel(self) -> Path:
        """There if somebody asked to cancel the job."""
        return self.path / "cancel"

    @property
    def running(self) -> Path:
        """Folder in which each worker says which block it runs."""
        return self.path / "running"

    def step(self, number: int, name: str) -> JobFolder:
        """Return the folder of one step of a job of several: its ledger, partials, epoch and result."""
        return JobFolder(self.path / "steps" / f"{number:03d}-{name}")

    @property
    def result(self) -> Path:
        """The output of a job that names none."""
        return self.path / "result.npy"


def create_job_folder() -> JobFolder:
    """Create the folder of a new job, with an empty folder for its workers' logs and one for its running blocks.

    Raises
    ------
    SpecError
        If the home cannot be created or written.
    StoreFullError
        If there is no room.
    """
    jobs = jobs_folder()
    try:
        make_folder(jobs)
        folder = _create_empty(jobs)
        make_new_folder(folder.workers)
        make_new_folder(folder.running)
        disk.fsync_folder(folder.path)
        disk.fsync_folder(jobs)
    except OSError as error:
        raise _home_error(jobs, error) from error
    return folder


def create_step_folder(folder: JobFolder) -> None:
    """Create the folder of a step unless it is there.

    Raises
    ------
    StoreFullError, JobError
    """
    with writing(folder.path):
        make_folder(folder.running)
        disk.fsync_folder(folder.path)


def _create_empty(jobs: Path) -> JobFolder:
    while True:
        folder = JobFolder(jobs / new_job_id())
        with suppress(FileExistsError):
            make_new_folder(folder.path)
            return folder


def _home_error(jobs: Path, error: OSError) -> JobError:
    if is_full(error):
        return store_error(jobs, error)
    return SpecError(
        "the folder of all jobs cannot be created",
        cause=f"{error.filename or jobs}: {error.strerror}",
        safe="nothing was started",
        next="set ARRAYMILL_HOME to a folder that you may write",
    )
