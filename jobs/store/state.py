"""How a job stands, in a small file that is replaced as a whole and that anybody can read at any moment."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import cache
from typing import Any, get_args, get_origin, get_type_hints

from .files import read_file, write_file
from .home import JobFolder
from .lock import is_locked

__all__ = ["LIVE", "TERMINAL", "JobState", "read_state", "write_state"]

LIVE = ("PENDING", "STARTING", "RUNNING", "FINISHING")
"""A process works on the job, or the job reads as INTERRUPTED."""
TERMINAL = ("DONE", "FAILED", "CANCELLED", "INTERRUPTED")

_EXIT_INTERRUPTED = 75


@dataclass(frozen=True, slots=True)
class JobState:
    """How a job stands.

    Parameters
    ----------
    status : str
        One of `LIVE` or `TERMINAL`.
    created_s, started_s, ended_s : float
        Unix times; None for what has not happened.
    pid : int or None
        Process that works on it.
    epoch : int
        Number of the attempt.
    exit_code : int or None
    reason : str
        Why it is pending, or why it was interrupted.
    error : dict or None
        ``id``, ``what``, ``cause``, ``safe``, ``next`` of the error that ended it.
    n_blocks, n_done : int
    name, op : str
        What the job is called, and its operation.
    output : str or None
    place : str
        Where it runs.
    retries, splits, deaths : int
        How often it happened, once the job has ended.

    Examples
    --------
    >>> JobState("RUNNING", n_blocks=512).is_terminal
    False
    """

    status: str
    created_s: float = 0.0
    started_s: float | None = None
    ended_s: float | None = None
    pid: int | None = None
    epoch: int = 0
    exit_code: int | None = None
    reason: str = ""
    error: dict[str, Any] | None = None
    n_blocks: int = 0
    n_done: int = 0
    name: str = ""
    op: str = ""
    output: str | None = None
    place: str = ""
    retries: int = 0
    splits: int = 0
    deaths: int = 0

    @property
    def is_terminal(self) -> bool:
        """Whether nobody works on it."""
        return self.status in TERMINAL


def write_state(folder: JobFolder, state: JobState) -> None:
    """Write how a job stands; its lock is held.

    Raises
    ------
    JobError
    """
    write_file(folder.state, json.dumps(asdict(state), indent=1).encode() + b"\n")


def read_state(folder: JobFolder) -> JobState:
    """Return how a job stands: INTERRUPTED if it says that it is worked on, and nobody holds its lock.

    Nothing is created or changed, and a state that is missing or damaged is no error.

    Examples
    --------
    >>> from pathlib import Path
    >>> folder = JobFolder(Path("kbdm3xqa").absolute())
    >>> folder.path.mkdir()
    >>> write_state(folder, JobState("RUNNING", pid=4242))
    >>> read_state(folder).status, read_state(folder).reason
    ('INTERRUPTED', 'the process that worked on it (pid 4242) is gone')
    """
    state = _stored(folder)
    while state.status in LIVE and not is_locked(folder):
        # a holder writes how the job ended, and then lets go: it may have done both since the state was read
        again = _stored(folder)
        if again == state:
            return _interrupted(state)
        state = again
    return state


def _stored(folder: JobFolder) -> JobState:
    try:
        content = read_file(folder.state)
    except OSError as error:
        return JobState("INTERRUPTED", reason=f"its state cannot be read: {error.strerror}")
    if content is None:
        return _without_state(folder)
    try:
        return _parse(json.loads(content))
    except (ValueError, KeyError, TypeError, RecursionError):
        return JobState("INTERRUPTED", reason="its state is damaged")


def _without_state(folder: JobFolder) -> JobState:
    if not folder.path.is_dir():
        return JobState("INTERRUPTED", reason="its folder is gone")
    if is_locked(folder):
        return JobState("PENDING", reason="it is being created")
    return JobState("INTERRUPTED", reason="its state was never written")


def _interrupted(state: JobState) -> JobState:
    pid = "" if state.pid is None else f" (pid {state.pid})"
    reason = f"the process that worked on it{pid} is gone"
    return replace(state, status="INTERRUPTED", pid=None, exit_code=_EXIT_INTERRUPTED, reason=reason)


def _parse(document: Mapping[str, Any]) -> JobState:
    # Fields of later versions are passed over.
    known = {name: document[name] for name in _kinds() if name in document}
    wrong = [name for name, value in known.items() if not isinstance(value, _kinds()[name])]
    if wrong or known["status"] not in LIVE + TERMINAL:
        raise ValueError(wrong)
    return JobState(**known)


@cache
def _kinds() -> dict[str, tuple[type, ...]]:
    """Return the classes that each field takes; whole numbers do for seconds."""
    hints = {name: get_args(hint) or (hint,) for name, hint in get_type_hints(JobState).items()}
    return {
        name: tuple(get_origin(kind) or kind for kind in (*kinds, *((int,) if float in kinds else ())))
        for name, kinds in hints.items()
    }
