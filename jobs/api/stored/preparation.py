"""What an attempt at a stored job begins with: the record of its plan, or what can be relied on of an earlier one's."""

from __future__ import annotations

import json
from collections.abc import Mapping

from ...arrays import fingerprint
from ...job import Job
from ...plans.chain_plan import AnyPlan, ChainPlan
from ...plans.chain_record import job_record, restore_job_plan
from ...plans.placement import Place
from ...rates.workers import Rates, rates_of
from ...store import JobFolder, Journal, Settled, read_settled, write_file
from ...versions import current_versions
from .asked_checks import check_feasible_if_asked
from .resumption import assess_job, check_spec, spec_digest

__all__ = ["readmit", "record_plan", "recorded_plan"]


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
        record_plan(folder, job, journal, plan, place)
    journal.commit()


def _take_back_in_steps(folder: JobFolder, plan: ChainPlan, stale: Mapping[int, str]) -> None:
    for number, (step, first) in enumerate(zip(plan.steps, plan.offsets, strict=True)):
        own = [block for block in stale if first <= block < first + step.plan.n_blocks]
        if own:
            with Journal.open(folder.step(number, step.name)) as journal:
                for block in own:
                    journal.event("stale", block=block - first, reason=stale[block])
                journal.commit()


def record_plan(folder: JobFolder, job: Job, journal: Journal, plan: AnyPlan, place: Place) -> None:
    """Write the record of a plan: everything that the bits of the answer depend on.

    Raises
    ------
    SpecError
        If the job asks for checks that cannot be done.
    """
    check_feasible_if_asked(job, plan)
    record = job_record(plan, place, current_versions(plan.limits.device))
    nominal = rates_of(plan.limits.device, plan.limits.precision, plan.output.dtype)
    # what the seconds were predicted from
    record["ceilings"] = (place.rates or nominal).to_json()
    record["spec"] = spec_digest(job.spec)
    full = job.spec.fault.hash == "full"
    record["fingerprints"] = [fingerprint(source, full=full).to_json() for source in job.sources]
    write_file(folder.plan, json.dumps(record, indent=2).encode())
    journal.begin(record)
