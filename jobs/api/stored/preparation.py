"""What stands before the first block of a stored job: its first records, or what is left of an earlier attempt."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ...arrays import Output, adopt_output, create_output, fingerprint, was_published
from ...errors import OutputError
from ...job import Job
from ...plans.chain_plan import AnyPlan, ChainPlan
from ...plans.chain_record import job_record, restore_job_plan
from ...plans.placement import Place
from ...plans.planning import Plan
from ...rates.workers import Rates, rates_of
from ...store import JobFolder, Journal, Settled, read_settled, write_file
from ...versions import current_versions
from ..outputs import options_of
from ..steps import output_specs
from .resumption import assess_job, check_spec, spec_digest
from .verification import differing_blocks

__all__ = [
    "begin",
    "is_published",
    "leave_result",
    "open_result",
    "output_path",
    "readmit",
    "recorded_plan",
    "results",
]


def recorded_plan(job: Job, settled: Settled) -> tuple[AnyPlan, Place]:
    """Return the plan and the place of a job that began earlier.

    Raises
    ------
    InputChangedError
        If an input is another array now.
    SpecError
        If the job says something else than when it began.
    """
    assert settled.plan is not None
    check_spec(job, settled.plan)
    try:
        rates = Rates.from_json(settled.plan.get("ceilings", {}))
    except (ValueError, TypeError):
        # of another version
        rates = None
    return restore_job_plan(job, settled.plan), Place(**settled.plan["place"], rates=rates)


def begin(folder: JobFolder, job: Job, journal: Journal, plan: AnyPlan, place: Place) -> None:
    """Write a new job's first record: everything that the bits of its answer depend on."""
    _record_plan(folder, job, journal, plan, place)


def readmit(
    folder: JobFolder, job: Job, journal: Journal, plan: AnyPlan, place: Place, *, accept_changed: bool
) -> None:
    """Go over what an earlier attempt left, and take back what cannot be relied on.

    Raises
    ------
    InputChangedError
        If inputs or versions changed and that is not accepted.
    """
    assessment = assess_job(folder, job, plan, read_settled(folder))
    if assessment.refusal is not None and not accept_changed:
        raise assessment.refusal
    if isinstance(plan, ChainPlan):
        _take_back_in_steps(folder, plan, assessment.stale)
    else:
        for block, reason in assessment.stale.items():
            journal.event("stale", block=block, reason=reason)
    if assessment.refusal is not None:
        _record_plan(folder, job, journal, plan, place)
    journal.commit()


def _take_back_in_steps(folder: JobFolder, plan: ChainPlan, stale: Mapping[int, str]) -> None:
    for number, (step, first) in enumerate(zip(plan.steps, plan.offsets, strict=True)):
        own = [block for block in stale if first <= block < first + step.plan.n_blocks]
        if own:
            with Journal.open(folder.step(number, step.name)) as journal:
                for block in own:
                    journal.event("stale", block=block - first, reason=stale[block])
                journal.commit()


def _record_plan(folder: JobFolder, job: Job, journal: Journal, plan: AnyPlan, place: Place) -> None:
    record = job_record(plan, place, current_versions(plan.limits.device))
    nominal = rates_of(plan.limits.device, plan.limits.precision, plan.output.dtype)
    # what the seconds were predicted from
    record["ceilings"] = (place.rates or nominal).to_json()
    record["spec"] = spec_digest(job.spec)
    full = job.spec.fault.hash == "full"
    record["fingerprints"] = [fingerprint(source, full=full).to_json() for source in job.sources]
    write_file(folder.plan, json.dumps(record, indent=2).encode())
    journal.begin(record)


def output_path(folder: JobFolder, job: Job) -> str:
    """Return where a job's result goes: the output that was asked for, or a file in the job's own folder."""
    return str(folder.result) if job.spec.output is None else job.spec.output.path


def is_published(folder: JobFolder, job: Job, journal: Journal, plan: Plan) -> bool:
    """Return whether an earlier attempt gave the output its name, and was stopped before it could say so."""
    settled, header = journal.settled(), plan.output
    if settled.output is None or len(settled.done) + len(settled.holes) < plan.n_blocks:
        return False
    path = output_path(folder, job)
    return was_published(path, header.shape, header.dtype, header.order, info=settled.output)


def open_result(folder: JobFolder, job: Job, journal: Journal, plan: Plan) -> Output:
    """Return a job's unpublished output: that of an earlier attempt, with every block in it checked, or a new one.

    Raises
    ------
    OutputError, OutputLockedError
    """
    path, header = output_path(folder, job), plan.output
    replaces = job.spec.output is None or job.spec.output.if_exists == "replace"
    settled, lost, options = journal.settled(), "", options_of(job.spec.output)
    if settled.output is not None:
        try:
            output = adopt_output(
                path,
                header.shape,
                header.dtype,
                header.order,
                replace=replaces,
                info=settled.output,
                inputs=job.sources,
                options=options,
            )
        except OutputError as error:
            lost = error.what
        else:
            bad = differing_blocks(plan.stage, output.target, settled.done)
            _take_back(journal, bad, "the output holds other bytes than were written")
            return output
    output = create_output(
        path, header.shape, header.dtype, header.order, replace=replaces, inputs=job.sources, options=options
    )
    if lost:
        # only now: where a new one cannot be made either, as when its name is taken, the old one is still good
        _take_back(journal, set(settled.done) - set(settled.partials), lost)
    journal.event("output", **output.info())
    journal.commit()
    return output


def results(folder: JobFolder, job: Job, plan: AnyPlan) -> tuple[Any, dict[str, Any]]:
    """Return the main output of a job that is done, and the others by their names: paths, or arrays of the store."""
    if not isinstance(plan, ChainPlan):
        return _result(output_path(folder, job), job), {}
    specs = output_specs(job, plan)
    numbers = {step.name: number for number, step in enumerate(plan.steps)}
    found = {
        output: _result(specs[name].path if specs else str(folder.step(numbers[name], name).result), job)
        for output, name in plan.outputs
    }
    (main, _), *_ = plan.outputs
    return found.pop(main), found


def _result(path: str, job: Job) -> Any:
    return Path(path) if job.spec.output is not None else np.load(path, allow_pickle=False)


def _take_back(journal: Journal, blocks: set[int], reason: str) -> None:
    for block in sorted(blocks):
        journal.event("corrupt", block=block, reason=reason)
    journal.commit()


def leave_result(journal: Journal, output: Output) -> None:
    """Keep an unpublished output for a resume; where no block is done there is nothing to keep."""
    if journal.settled().done:
        output.keep()
    else:
        output.discard()
