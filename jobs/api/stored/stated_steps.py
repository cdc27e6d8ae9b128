"""The operations of a job as its user states them, each with what the plan calls its inputs and outputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...job import Job, find_operation
from ...operations import OPERATIONS, Operation
from ...operations.operation import input_names
from ...operations.pipeline import PIPELINE
from ...plans.chain_plan import AnyPlan, ChainPlan
from ...plans.chains import plan_operation

__all__ = ["StatedStep", "stated_steps"]


@dataclass(frozen=True, slots=True)
class StatedStep:
    """One of them.

    Parameters
    ----------
    name : str
        "" of a job of one operation.
    operation : Operation
    params : mapping
    inputs : tuple of str
        What it reads: names of inputs of the job, and of planned steps.
    outputs : mapping of str to str
        Names of its outputs, and of the planned steps that make them; not all of which need be run.
    """

    name: str
    operation: Operation
    params: Mapping[str, Any]
    inputs: tuple[str, ...]
    outputs: Mapping[str, str]


def stated_steps(job: Job, plan: AnyPlan) -> list[StatedStep]:
    """Return the operations of a job, as its user states them.

    Parameters
    ----------
    job : Job
    plan : Plan or ChainPlan
        Of that job.
    """
    names = plan.input_names if isinstance(plan, ChainPlan) else input_names(job.operation, len(job.sources))
    if not job.spec.steps:
        outputs = dict(plan.outputs) if isinstance(plan, ChainPlan) else {"": ""}
        return [StatedStep("", OPERATIONS[job.operation.name], job.params, names, outputs)]
    assert isinstance(plan, ChainPlan)
    pipeline = find_operation(job.spec)
    assert pipeline.chain is not None
    # steps that copy what can only be read from front to back stand before them
    is_nested = any(getattr(source, "is_streamed", False) for source in job.sources)
    prefix = f"{PIPELINE}." if is_nested else ""
    limits = plan.limits
    settings = {"device": limits.device, "precision": limits.precision, "block_bytes": limits.block_bytes}
    headers = {name: source.header for name, source in zip(names, job.sources, strict=True)}
    made = {name: name for name in names}
    steps = []
    for step in pipeline.chain([], None, limits).steps:
        given = [headers[name] for name in step.inputs]
        planned = plan_operation(step.operation, given, step.params, budget=plan.budget, **settings)
        own = f"{prefix}{step.name}"
        made_by = dict(planned.outputs) if isinstance(planned, ChainPlan) else {}
        outputs = {name: f"{own}.{maker}" for name, maker in made_by.items()} or {"": own}
        first = next(iter(outputs))
        for name, maker in outputs.items():
            header = planned.header_of(name) if isinstance(planned, ChainPlan) else planned.output
            for called in {f"{step.name}.{name}"} | ({step.name} if name == first else set()):
                headers[called], made[called] = header, maker
        steps.append(
            StatedStep(step.name, step.operation, step.params, tuple(made[name] for name in step.inputs), outputs)
        )
    return steps
