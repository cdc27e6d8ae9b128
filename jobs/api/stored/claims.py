"""Whether the outputs of a new job are free: not there yet, and not what another job writes or can go on with."""

from __future__ import annotations

from pathlib import Path

from ...arrays import check_output as place_output
from ...arrays import output_file, partial_path
from ...errors import OutputError, OutputLockedError
from ...job import Job
from ...plans.chain_plan import ChainPlan
from ...spec.job_spec import OutputSpec
from ...store import LIVE, JobFolder, Settled, list_jobs, read_settled, read_state
from ..planned import plan_of
from ..steps import output_specs

__all__ = ["check_output", "check_unclaimed"]


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


def check_unclaimed(output: OutputSpec | None) -> None:
    """Check that no job that waits or runs is going to write an output: the second one would fail, hours later.

    Raises
    ------
    OutputLockedError
    """
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
