"""The folder of a new job, with what the job is in it, and the job that a folder was created for."""

from __future__ import annotations

import os
import time
from typing import Any

from ...arrays import absolute_output, absolute_text
from ...errors import JobError, StoreFullError
from ...operations import OPERATIONS
from ...spec.job_spec import JobSpec
from ...spec.load import load_spec
from ...spec.write import format_yaml
from ...store import JobFolder, JobLock, JobState, create_job_folder, discard_folder, write_file, write_state

__all__ = ["absolute_spec", "create_job", "read_spec", "with_absolute_params"]


def create_job(spec: JobSpec) -> tuple[JobFolder, JobLock]:
    """Create the folder of a new job and return it locked.

    Parameters
    ----------
    spec : JobSpec
        With absolute paths.

    Raises
    ------
    JobError
        If the store cannot be written.
    """
    folder = create_job_folder()
    try:
        lock = JobLock.acquire(folder)
        try:
            _write_new(folder, spec)
        except BaseException:
            lock.release()
            raise
        return folder, lock
    except StoreFullError as error:
        # nobody could resume what says nowhere what it is
        discard_folder(folder)
        again = "free some space, or your quota, and start it again"
        raise StoreFullError(error.what, cause=error.cause, safe="no job was created", next=again) from error


def _write_new(folder: JobFolder, spec: JobSpec) -> None:
    document = spec.model_dump(mode="json", exclude_none=True)
    write_file(folder.spec, format_yaml(document).encode())
    output = None if spec.output is None else spec.output.path
    write_state(
        folder,
        JobState(
            status="PENDING", created_s=time.time(), pid=os.getpid(), name=spec.name or "", op=spec.op, output=output
        ),
    )


def read_spec(folder: JobFolder) -> JobSpec:
    """Return the job that a folder was created for.

    Raises
    ------
    JobError
        If there is none in it: whoever created it was killed in that moment.
    """
    try:
        text = folder.spec.read_bytes()
    except OSError as error:
        raise JobError(
            f"job {folder.id} says nowhere what it is",
            cause=f"{folder.spec}: {error.strerror}",
            next=f"submit it again; arraymill clean {folder.id} removes what is left of it",
        ) from error
    return load_spec(text, str(folder.spec))


def absolute_spec(spec: JobSpec) -> JobSpec:
    """Return a job whose paths mean the same in every folder."""
    inputs = {
        name: entry.model_copy(update={"path": _absolute_paths(entry.path)}) for name, entry in spec.inputs.items()
    }
    output = spec.output
    if output is not None:
        output = output.model_copy(update={"path": absolute_output(output.path)})
    return with_absolute_params(spec).model_copy(update={"inputs": inputs, "output": output})


def with_absolute_params(spec: JobSpec) -> JobSpec:
    """Return a job whose parameters mean the same in every folder; its inputs are called as they were."""
    steps = tuple(step.model_copy(update={"params": _absolute_params(step.op, step.params)}) for step in spec.steps)
    return spec.model_copy(update={"params": _absolute_params(spec.op, spec.params), "steps": steps})


def _absolute_params(op: str, params: dict[str, Any]) -> dict[str, Any]:
    return OPERATIONS[op].params.absolute(params) if op in OPERATIONS else params


def _absolute_paths(path: str | tuple[str, ...]) -> str | tuple[str, ...]:
    return absolute_text(path) if isinstance(path, str) else tuple(map(absolute_text, path))
