"""Jobs in the store as Python objects: submitted, waited for, looked at."""

from __future__ import annotations

import time
from typing import Any

from ..errors import JobError, WaitTimeoutError
from ..report import Report, html_table, report_of
from ..store import JobFolder, find_job, holder_of, read_settled, read_state
from .stored.cancelling import cancel_job
from .stored.loaded import load_result

__all__ = ["JobHandle"]

_POLL_S = 0.1


class JobHandle:
    """A job that another process works on.

    Parameters
    ----------
    folder : JobFolder or str
        A job's folder, or its id.
    """

    __slots__ = ("_folder",)

    def __init__(self, folder: JobFolder | str) -> None:
        self._folder = find_job(folder) if isinstance(folder, str) else folder

    @property
    def id(self) -> str:
        """The job's id, as the command line shows it."""
        return self._folder.id

    @property
    def status(self) -> str:
        """PENDING, STARTING, RUNNING, FINISHING, DONE, FAILED, CANCELLED or INTERRUPTED."""
        return read_state(self._folder).status

    def wait(self, timeout_s: float | None = None) -> str:
        """Wait until the job has ended and return its status.

        Raises
        ------
        WaitTimeoutError
            If it has not ended in time.
        """
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        while holder_of(self._folder) is not None:
            if deadline is not None and time.monotonic() > deadline:
                raise WaitTimeoutError(
                    f"job {self.id} is {self.status} after {timeout_s:g} s", next=f"arraymill status {self.id}"
                )
            time.sleep(_POLL_S)
        return self.status

    def result(self, timeout_s: float | None = None) -> Any:
        """Wait for the job and return its result.

        Returns
        -------
        The array itself where no output was named; else the output, open for reading only: a memory map of a ``.npy``,
        a `zarr.Array`, an `h5py.Dataset`, or for all other formats an array in memory.

        Raises
        ------
        JobError
            The one that ended the job.
        WaitTimeoutError
            If it has not ended in time.
        """
        self.wait(timeout_s)
        state = read_state(self._folder)
        if state.status != "DONE":
            error = state.error or {}
            shown = JobError(
                error.get("what") or f"job {self.id} is {state.status}",
                cause=error.get("cause", ""),
                safe=error.get("safe", ""),
                next=error.get("next") or f"arraymill resume {self.id}",
            )
            shown.exit_code = state.exit_code or shown.exit_code
            raise shown
        return load_result(self._folder)

    def cancel(self) -> str:
        """End the job, keep what it has done, and return its status."""
        return cancel_job(self._folder).status

    @property
    def report(self) -> Report:
        """Where the time and the memory went, of what is done so far.

        Raises
        ------
        JobError
            If no plan is made yet.
        """
        settled = read_settled(self._folder)
        if settled.plan is None:
            raise JobError(f"job {self.id} has no report yet", cause="its plan is not made", next="wait for it")
        return report_of(read_state(self._folder), settled, settled.plan)

    def _repr_html_(self) -> str:
        """Return the job as a table, which notebooks show."""
        state, settled = read_state(self._folder), read_settled(self._folder)
        rows = {
            "job": self.id,
            "operation": state.op,
            "status": state.status,
            "blocks": f"{len(settled.done)} of {settled.n_blocks} done",
            "output": state.output or "",
            "error": (state.error or {}).get("what", ""),
        }
        return html_table(rows)

    def __repr__(self) -> str:
        state, settled = read_state(self._folder), read_settled(self._folder)
        return f"<job {self.id}: {state.op}, {state.status}, {len(settled.done)} of {settled.n_blocks} blocks>"
