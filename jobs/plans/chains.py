"""The plan of an operation of several steps: its steps one after another, each with a plan of its own.

Pure, as `planning` is. A step within a step is called after both, ``"pca.cov"``. Steps that no output is made of are
checked as all others are, and left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ..errors import CannotFitError, SpecError
from ..headers import ArrayHeader
from ..limits import Budget, DeviceKind, Limits, Precision, limits_of
from ..operations import Operation, Params
from ..operations.operation import input_names
from ..operations.pipeline import PIPELINE
from ..rates.workers import Rates
from .chain_plan import AnyPlan, ChainPlan, PlannedStep
from .fitting import fitted
from .fusion import fuse
from .planning import check_count, check_params, plan_job

__all__ = ["plan_chain", "plan_operation"]


def plan_operation(
    operation: Operation, headers: Sequence[ArrayHeader], params: Mapping[str, Any] | Params, **settings: Any
) -> AnyPlan:
    """Return the plan of an operation of one or of several steps; arguments and errors are those of `plan_job`."""
    plan = plan_job if operation.chain is None else plan_chain
    return plan(operation, headers, params, **settings)


@dataclass(slots=True)
class _Expansion:
    """The steps of a chain while they are worked out one after another."""

    limits: Limits
    settings: Mapping[str, Any]
    headers: dict[str, ArrayHeader]
    steps: list[PlannedStep] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, operation: Operation, inputs: Sequence[str], params: Any, name: str) -> dict[str, str]:
        """Plan an operation and return the names of the steps that make its outputs, the main one first."""
        headers = [self.headers[each] for each in inputs]
        if operation.chain is not None:
            return self._add_chain(operation, headers, inputs, params, name)
        plan = plan_job(operation, headers, params, **self.settings)
        self.headers[name] = replace(plan.output, name=name)
        self.steps.append(PlannedStep(name, tuple(inputs), operation, plan))
        self.notes += [note for note in plan.notes if note not in self.notes]
        return {"": name}

    def _add_chain(
        self, operation: Operation, headers: Sequence[ArrayHeader], inputs: Sequence[str], params: Any, name: str
    ) -> dict[str, str]:
        assert operation.chain is not None
        checked, budget = check_params(operation, params), self.settings["budget"]
        chain, _ = fitted(operation.chain, headers, checked, self.limits, budget)
        scope = dict(zip(input_names(operation, len(inputs)), inputs, strict=True))
        for step in chain.steps:
            path = f"{name}.{step.name}" if name else step.name
            read = [_lookup(scope, each, step.name) for each in step.inputs]
            made = self.add(step.operation, read, step.params, path)
            scope[step.name] = next(iter(made.values()))
            scope |= {f"{step.name}.{output}": maker for output, maker in made.items()}
        self.notes += [note for note in chain.notes if note not in self.notes]
        return {output: scope[step] for output, step in chain.outputs} or made


def _lookup(scope: Mapping[str, str], name: str, step: str) -> str:
    if name not in scope:
        raise SpecError(
            f"step {step} reads {name!r}, which is not there",
            cause=f"there are {', '.join(scope)} when its turn comes",
            next="name an input of the job, an earlier step, or step.output",
        )
    return scope[name]


def plan_chain(
    operation: Operation,
    headers: Sequence[ArrayHeader],
    params: Mapping[str, Any] | Params,
    *,
    budget: Budget,
    device: DeviceKind = "cpu",
    precision: Precision = "standard",
    n_workers: int = 1,
    block_bytes: int | None = None,
    rates: Callable[[np.dtype[Any]], Rates] | None = None,
) -> ChainPlan:
    """Return the plan of an operation of several steps; arguments and errors are those of `plan_job`."""
    checked = check_params(operation, params)
    check_count(operation, headers)
    names = input_names(operation, len(headers))
    limits = limits_of(budget, device=device, precision=precision, block_bytes=block_bytes)
    settings = {
        "budget": budget,
        "device": device,
        "precision": precision,
        "n_workers": n_workers,
        "block_bytes": block_bytes,
        "rates": rates,
    }
    expansion = _Expansion(limits, settings, dict(zip(names, headers, strict=True)))
    try:
        outputs = expansion.add(operation, names, checked, "")
    except (CannotFitError, SpecError) as error:
        error.safe = error.safe or "nothing was read or written"
        raise
    steps = _read_steps(expansion.steps, tuple(outputs.values()))
    if operation.name == PIPELINE:
        expansion.notes += _unread_notes(expansion.steps, steps)
    return ChainPlan(
        operation.name,
        checked.model_dump(),
        names,
        tuple(headers),
        fuse(steps, tuple(outputs.values()), rates=rates),
        tuple(outputs.items()),
        limits,
        budget,
        n_workers,
        tuple(expansion.notes),
    )


def _read_steps(steps: Sequence[PlannedStep], outputs: Sequence[str]) -> list[PlannedStep]:
    """Return the steps that outputs are made of: what is not read, such as r where q is wanted, is not computed."""
    wanted, kept = set(outputs), []
    for step in reversed(steps):
        if step.name in wanted:
            wanted |= set(step.inputs)
            kept.append(step)
    return kept[::-1]


def _unread_notes(steps: Sequence[PlannedStep], kept: Sequence[PlannedStep]) -> list[str]:
    """Return what a user should know of the steps of a job that are left out altogether."""
    given, run = (dict.fromkeys(step.name.partition(".")[0] for step in some) for some in (steps, kept))
    return [f"step {name} is not run: no output is made of it" for name in given if name not in run]
