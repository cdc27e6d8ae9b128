"""New jobs in the store, and the processes that work on them after their caller has gone."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from ...arrays import absolute_output, absolute_text, output_file, partial_path
from ...arrays import check_output as place_output
from ...errors import JobError, OutputError, OutputLockedError, StoreFullError
from ...job import Job, open_job
from ...operations import OPERATIONS
from ...plans.chain_plan import ChainPlan
from ...spec.job_spec import JobSpec, OutputSpec
from ...spec.load import load_spec
from ...spec.write import format_yaml
from ...store import (
    LIVE,
    JobFolder,
    JobLock,
    JobState,
    Settled,
    create_job_folder,
    discard_folder,
    home_folder,
    list_jobs,
    read_settled,
    read_state,
    write_file,
    write_state,
)
from ..planned import plan_of
from ..resources import fitting_workers
from ..steps import output_specs

__all__ = [
    "absolute_spec",
    "check_output",
    "create_job",
    "read_spec",
    "start_driver",
    "submit_spec",
    "with_absolute_params",
]


def submit_spec(spec: JobSpec) -> JobFolder:
    """Put a job in the store and start a process that works on it, which outlives this one.

    Everything that can be refused before work starts is refused here.

    Raises
    ------
    JobError, ClusterError
    """
    resolved = absolute_spec(spec)
    job = open_job(resolved)
    check_output(job)
    _check_unclaimed(resolved.output)
    plan, place = plan_of(job)
    fitting_workers(job, plan, place)
    folder, lock = create_job(resolved)
    start_driver(folder, lock)
    return folder


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


def start_driver(folder: JobFolder, lock: JobLock, *options: str) -> int:
    """Start a process that drives a job, hand it the lock, and return its pid.

    It has a session of its own, so that neither the end of the terminal nor Ctrl-C reaches it, and writes to the job's
    log. The lock passes with its open file: at no moment is the job nobody's.
    """
    command = [sys.executable, "-P", "-m", "arraymill.jobs.cli", "drive", folder.id]
    descriptor = os.open(folder.driver_log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        process = subprocess.Popen(
            [*command, "--lock", str(lock.fd), *options],
            stdin=subprocess.DEVNULL,
            stdout=descriptor,
            stderr=descriptor,
            cwd=folder.path,
            # a relative home would be another one from there
            env=os.environ | {"ARRAYMILL_HOME": str(home_folder())},
            start_new_session=True,
            pass_fds=(lock.fd,),
        )
    finally:
        os.close(descriptor)
    lock.hand_over(process.pid)
    # Until this process ends it is the parent, and has to take note of the end of its child.
    threading.Thread(target=process.wait, name="arraymill-driver", daemon=True).start()
    return process.pid


def check_output(job: Job) -> None:
    """Check, before work starts, that outputs may be created and do not belong to a job that can be resumed.

    Raises
    ------
    OutputError
    JobError
        If a job whose outputs depend on its steps cannot be planned.
    """
    if job.spec.output is None:
        return
    plan = None if job.operation.chain is None else plan_of(job)[0]
    outputs = [job.spec.output] if not isinstance(plan, ChainPlan) else output_specs(job, plan).values()
    for output in outputs:
        _check_path(job, output)


def _check_path(job: Job, output: OutputSpec) -> None:
    replaces = output.if_exists == "replace"
    final = place_output(output.path, replace=replaces, inputs=job.sources)
    partial = partial_path(final)
    if replaces or not partial.exists():
        return
    if (owner := _unfinished_job(final, partial.lstat().st_ino)) is not None:
        folder, settled = owner
        raise OutputError(
            f"{output.path}: an unfinished job has a part of it",
            cause=f"job {folder.id} ({read_state(folder).status}) has {len(settled.done)} of {settled.n_blocks} blocks",
            safe="its blocks were not touched",
            next=f"arraymill resume {folder.id} finishes it; --force starts anew",
        )


def _check_unclaimed(output: OutputSpec | None) -> None:
    """Raise if a job that waits or runs is going to write an output: whoever comes second would fail, hours later."""
    if output is None or output.if_exists == "replace":
        return
    final = output_file(output.path)
    for folder in list_jobs():
        state = read_state(folder)
        if state.status in LIVE and state.output is not None and output_file(state.output) == final:
            raise OutputLockedError(
                f"{output.path}: another job is going to write it",
                cause=f"job {folder.id} is {state.status}",
                safe="nothing was started",
                next=f"arraymill wait {folder.id}, arraymill cancel {folder.id}, or choose another name",
            )


def _unfinished_job(final: Path, inode: int) -> tuple[JobFolder, Settled] | None:
    for folder in list_jobs():
        state = read_state(folder)
        if state.status not in ("INTERRUPTED", "FAILED", "CANCELLED") or state.output is None:
            continue
        if output_file(state.output) != final:
            continue
        # not the state: a driver that was killed may not have told it of its last blocks
        settled = read_settled(folder)
        if settled.done and settled.plan and settled.output and settled.output["inode"] == inode:
            return folder, settled
    return None
