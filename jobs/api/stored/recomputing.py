"""Checks what a job made against NumPy: every step whose inputs and outputs are there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ...arrays import Fingerprint, Source, compare_fingerprints, fingerprint_again, open_source
from ...errors import InputChangedError, JobError, SpecError
from ...job import Job, open_job
from ...limits import Precision
from ...operations.operation import input_names
from ...operations.pipeline import PIPELINE
from ...plans.chain_plan import AnyPlan, ChainPlan, Fusion, PlannedStep
from ...plans.chain_record import restore_job_plan
from ...store import JobFolder, Journal, read_settled
from ...verification import Finding, check_problem, failure_of, make_problem, to_json
from ...verification.feasible import check_feasible
from ..steps import step_sources
from .creation import read_spec
from .loaded import stored_outputs
from .stated_steps import StatedStep, stated_steps

__all__ = [
    "Checked",
    "check_before_work",
    "checked_outputs",
    "checked_record",
    "verify_before_publishing",
    "verify_job",
]


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found of one step of a job.

    Parameters
    ----------
    step : str
        Its name; "" of a job of one operation.
    operation : str
    findings : tuple of Finding
    reason : str
        Why it was not checked; "" where it was.
    """

    step: str
    operation: str
    findings: tuple[Finding, ...] = ()
    reason: str = ""


def verify_job(folder: JobFolder, *, n_samples: int, seed: int) -> tuple[Checked, ...]:
    """Return what is found of a job that is done.

    Raises
    ------
    InputChangedError
        If an input is not what it was when the job ran.
    JobError
        If its records, an input or its only output cannot be read, or nothing of it can be checked.
    """
    job, settled = open_job(read_spec(folder)), read_settled(folder)
    assert settled.plan is not None
    _check_unchanged(job, settled.plan["fingerprints"])
    plan = restore_job_plan(job, settled.plan)
    outputs = [open_source(output.path) for output in stored_outputs(folder)]
    steps = [step for _, step in plan.outputs] if isinstance(plan, ChainPlan) else [""]
    return checked_outputs(job, plan, dict(zip(steps, outputs, strict=True)), n_samples=n_samples, seed=seed)


def _check_unchanged(job: Job, records: Iterable[Mapping[str, Any]]) -> None:
    changed = []
    for record, source in zip(records, job.sources, strict=True):
        old = Fingerprint.from_json(record)
        change = compare_fingerprints(old, fingerprint_again(old, source))
        if change.fields and not (change.is_proven and not change.changed_ranges):
            changed.append(f"input {old.name} changed: {', '.join(change.fields)}")
    if changed:
        raise InputChangedError(
            "what the job was made of is not there any more: nothing can be said of its output",
            cause="\n".join(changed),
            safe="nothing was changed",
            next="put the inputs back as they were, or run the job again",
        )


def checked_outputs(
    job: Job, plan: AnyPlan, made: Mapping[str, Source], *, n_samples: int, seed: int
) -> tuple[Checked, ...]:
    """Return what is found of the steps of a job.

    Parameters
    ----------
    job : Job
    plan : Plan or ChainPlan
    made : mapping of str to Source
        The results of planned steps that are there, by their names; "" of a plan of one.
    n_samples, seed : int

    Raises
    ------
    JobError
        If not one of the steps can be checked.
    """
    settings = {"n_samples": n_samples, "seed": seed, "precision": _precision(plan)}
    found, refusals = [], []
    arrays = _arrays(job, plan, made)
    for step in stated_steps(job, plan):
        try:
            found.append(_checked(step, arrays, settings))
        except SpecError as error:
            refusals.append(error)
            found.append(Checked(step.name, step.operation.name, reason=f"{error.what}: {error.cause}"))
    if not any(each.findings for each in found):
        raise refusals[0] if refusals else _nothing(found)
    return tuple(found)


def check_before_work(job: Job, plan: AnyPlan) -> None:
    """Check, before anything is computed, that a job that is to be verified can be.

    Raises
    ------
    SpecError
        If not one of its operations can be checked at this size.
    """
    refusals: list[SpecError] = []
    for step in stated_steps(job, plan):
        if isinstance(plan, ChainPlan) and job.operation.name == PIPELINE:
            # what its inputs will be is known once they are there; of the user's own functions nothing ever is
            if step.operation.name != "apply":
                return
            refusals.append(SpecError("apply: there is nothing to check a function of your own against"))
            continue
        try:
            check_feasible(make_problem(step.operation, job.sources, step.params, {}))
        except SpecError as error:
            refusals.append(error)
        else:
            return
    first = refusals[0]
    raise SpecError(first.what, cause=first.cause, safe="nothing was read or written", next="leave verify out")


def verify_before_publishing(job: Job, plan: AnyPlan, journal: Journal, made: Mapping[str, Source]) -> None:
    """Check what a job made before it gets its name, and write down what was found.

    Raises
    ------
    VerificationError
        If it is not what NumPy computes.
    """
    assert job.spec.verify is not None
    checked = checked_outputs(job, plan, made, n_samples=job.spec.verify.sample, seed=0)
    journal.event("recomputed", checks=[checked_record(each) for each in checked])
    journal.commit()
    failure = failure_of(
        (finding for each in checked for finding in each.findings),
        safe="the output did not get its name; inputs were not changed",
        next_step="run it as a new job, on another device or machine, and report what differs",
    )
    if failure is not None:
        raise failure


def checked_record(checked: Checked) -> dict[str, Any]:
    """Return what was found of a step in JSON's types."""
    findings = [to_json(finding) for finding in checked.findings]
    return {"step": checked.step, "operation": checked.operation, "reason": checked.reason, "findings": findings}


def _precision(plan: AnyPlan) -> Precision:
    """Return in what an answer was computed: the fast ones are standard on the CPU."""
    precision = plan.limits.precision
    return "standard" if plan.limits.device == "cpu" and precision.startswith("fast") else precision


def _nothing(found: Iterable[Checked]) -> JobError:
    reasons = [f"{each.step or each.operation}: {each.reason}" for each in found]
    return SpecError(
        "nothing of the job can be checked",
        cause="\n".join(reasons),
        safe="nothing was changed",
        next="verify: {sample: 8} in a job file checks every step while its inputs and its output are there",
    )


def _checked(step: StatedStep, arrays: Mapping[str, Source], settings: Mapping[str, Any]) -> Checked:
    missing = [name for name in step.inputs if name not in arrays]
    outputs = {name: arrays[maker] for name, maker in step.outputs.items() if maker in arrays}
    if missing or not outputs:
        gone = f"its input {missing[0]}" if missing else "its result"
        reason = f"{gone} is not there any more: only later steps needed it"
        return Checked(step.name, step.operation.name, reason=reason)
    problem = make_problem(step.operation, [arrays[name] for name in step.inputs], step.params, outputs, **settings)
    return Checked(step.name, step.operation.name, tuple(check_problem(problem)))


def _arrays(job: Job, plan: AnyPlan, made: Mapping[str, Source]) -> dict[str, Source]:
    """Return all arrays that can be read, by the names of inputs and planned steps: also what is computed when read."""
    names = plan.input_names if isinstance(plan, ChainPlan) else input_names(job.operation, len(job.sources))
    arrays = dict(zip(names, job.sources, strict=True)) | dict(made)
    if isinstance(plan, ChainPlan):
        for step in plan.steps:
            for name, source in _fused(step, arrays):
                arrays.setdefault(name, source)
    return arrays


def _fused(step: PlannedStep | Fusion, arrays: Mapping[str, Source]) -> Iterator[tuple[str, Source]]:
    for fusion in step.fused.values():
        yield from _fused(fusion, arrays)
    if step.fused and all(name in arrays for name in _read(step)):
        yield from ((n, s) for n, s in zip(step.inputs, step_sources(step, arrays), strict=True) if n in step.fused)


def _read(step: PlannedStep | Fusion) -> Iterator[str]:
    for name in step.inputs:
        yield from _read(step.fused[name]) if name in step.fused else (name,)
