"""The plan of a job of one or several steps as a JSON document, and such a plan from its document."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..errors import InputChangedError
from ..job import Job
from .chain_plan import AnyPlan, ChainPlan, Fusion, PlannedStep
from .chains import plan_chain
from .placement import Place
from .record import (
    as_recorded,
    check_recorded,
    params_record,
    plan_record,
    recorded_settings,
    restore_plan,
    work_record,
)

__all__ = ["job_record", "restore_job_plan"]


def job_record(plan: AnyPlan, place: Place, versions: Mapping[str, str]) -> dict[str, Any]:
    """Return everything that the bits of the answer depend on, beside the inputs' content, and the predictions.

    Parameters
    ----------
    plan : Plan or ChainPlan
        The record of a chain has the sums of its steps where a plan has a number, and their records in ``"steps"``.
    place : Place
    versions : mapping
        From `versions.current_versions`.
    """
    if not isinstance(plan, ChainPlan):
        return plan_record(plan, place, versions)
    steps = [{"name": step.name, "reads": _reads(step), **plan_record(step.plan, place, {})} for step in plan.steps]
    return work_record(plan, place, versions) | {"outputs": [list(pair) for pair in plan.outputs], "steps": steps}


def _reads(step: PlannedStep | Fusion) -> list[Any]:
    """Return what a step reads: names, and in place of a step that is computed as it is read what that is."""
    return [_fusion_record(step.fused[name]) if name in step.fused else name for name in step.inputs]


def _fusion_record(fused: Fusion) -> dict[str, Any]:
    return {"name": fused.name, "reads": _reads(fused), "params": params_record(fused.plan.params)}


def restore_job_plan(job: Job, record: Mapping[str, Any]) -> AnyPlan:
    """Return the plan that was recorded, for the inputs as they are now.

    Raises
    ------
    InputChangedError
        If an input has another shape, dtype or memory order than it had, or the job states other work.
    """
    if "steps" not in record:
        return restore_plan(job, record)
    check_recorded(job, record)
    plan = plan_chain(job.operation, job.headers, job.params, **recorded_settings(record))
    _check_steps(plan, record)
    steps = tuple(
        replace(step, plan=as_recorded(step.plan, before))
        for step, before in zip(plan.steps, record["steps"], strict=True)
    )
    return replace(plan, steps=steps)


def _check_steps(plan: ChainPlan, record: Mapping[str, Any]) -> None:
    now = [[step.name, _reads(step), step.plan.operation, params_record(step.plan.params)] for step in plan.steps]
    before = [[step["name"], step["reads"], step["operation"], step["params"]] for step in record["steps"]]
    if now != before:
        raise InputChangedError(
            "the job takes other steps than when it began",
            cause=f"they were {before}, and are {now}",
            safe="what the job has done is kept",
            next="put the old job file back, or start a new job with this one",
        )
