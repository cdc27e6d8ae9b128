"""The plan of a job of one or several steps, as tables for people and as a document for programs."""

from __future__ import annotations

from typing import Any

from ..durations import format_seconds
from ..output_names import output_beside
from ..plans.chain_plan import AnyPlan, ChainPlan, Fusion, PlannedStep
from ..plans.placement import Place
from ..plans.planning import Plan
from ..sizes import format_bytes
from ..spec.job_spec import OutputSpec
from .plan_view import (
    header_text,
    memory_text,
    named_text,
    packing_text,
    parameters_text,
    place_text,
    plan_record,
    plan_table,
)
from .terminal import escape

__all__ = ["job_plan_record", "job_plan_table"]


def job_plan_table(plan: AnyPlan, place: Place, output: OutputSpec | None) -> str:
    """Return a plan as lines of text: of a chain what is true of all steps, then a table of the steps.

    Parameters
    ----------
    plan : Plan or ChainPlan
    place : Place
    output : OutputSpec or None
        Where the main result goes, if that was said.
    """
    if not isinstance(plan, ChainPlan):
        return plan_table(plan, place, output)
    several = len(plan.inputs) > 1
    rows = [(f"input {n}" if several else "input", named_text(header)) for n, header in enumerate(plan.inputs, 1)]
    rows += _output_rows(plan, output)
    rows += [
        ("parameters", parameters_text(plan.params)),
        ("runs on", place_text(plan, place)),
        ("tasks", f"{plan.n_blocks} in {len(plan.steps)} steps"),
        ("memory", memory_text(plan)),
        ("moves", f"{format_bytes(plan.read_bytes)} read, {format_bytes(plan.write_bytes)} written"),
        ("time", f"about {format_seconds(plan.predicted_s)}"),
        ("packing", packing_text(output, *(plan.header_of(name) for name, _ in plan.outputs))),
        *(("note", note) for note in plan.notes),
    ]
    width = max(len(label) for label, _ in rows)
    lines = [f"  {label:<{width}}  {text}" for label, text in rows if text]
    return "\n".join([f"plan of {plan.operation}", *lines, "", *_steps(plan)])


def _output_rows(plan: ChainPlan, output: OutputSpec | None) -> list[tuple[str, str]]:
    rows = []
    for number, (name, _) in enumerate(plan.outputs):
        path = "" if output is None else output.path if not number else output_beside(output.path, name)
        label = "output" if len(plan.outputs) == 1 else f"output {name}"
        rows.append((label, "  ".join(filter(None, [escape(path), header_text(plan.header_of(name))]))))
    return rows


def _steps(plan: ChainPlan) -> list[str]:
    rows: list[tuple[str, ...]] = [("step", "of", "tasks", "result", "reads", "alone")]
    for step in plan.steps:
        rows += _fused_rows(step, step.name)
        sizes = format_bytes(step.plan.read_bytes), format_seconds(step.plan.predicted_s)
        rows.append((step.name, ", ".join(step.inputs), str(step.plan.n_blocks), _result(step.plan), *sizes))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  " + "  ".join(f"{text:<{n}}" for text, n in zip(row, widths, strict=True)).rstrip() for row in rows]


def _fused_rows(step: PlannedStep | Fusion, reader: str) -> list[tuple[str, ...]]:
    """Return a row for each step that is computed as it is read, those that it reads itself first."""
    rows: list[tuple[str, ...]] = []
    for fused in step.fused.values():
        rows += _fused_rows(fused, reader)
        rows.append((fused.name, ", ".join(fused.inputs), f"in {reader}", _result(fused.plan), "", ""))
    return rows


def _result(plan: Plan) -> str:
    output = plan.output
    return f"{output.shape} {output.dtype.name}" if output.dtype.names is None else f"{output.shape} records"


def _reads(step: PlannedStep | Fusion) -> list[Any]:
    """Return what a step reads: names, and in place of a step that is computed as it is read what that is."""
    return [_fusion(step.fused[name]) if name in step.fused else name for name in step.inputs]


def _fusion(fused: Fusion) -> dict[str, Any]:
    return {"name": fused.name, "reads": _reads(fused), "params": dict(fused.plan.params)}


def job_plan_record(plan: AnyPlan, place: Place) -> dict[str, Any]:
    """Return a plan as a JSON document; that of a chain has the documents of its steps in ``"steps"``."""
    if not isinstance(plan, ChainPlan):
        return plan_record(plan, place)
    steps = [{**plan_record(step.plan, place), "name": step.name, "reads": _reads(step)} for step in plan.steps]
    shared = {name: steps[0][name] for name in ("schema", "feasible", "device", "cluster", "reason", "precision")}
    outputs = {name: {"shape": list(plan.header_of(name).shape), "step": step} for name, step in plan.outputs}
    return {
        **shared,
        "operation": plan.operation,
        "params": dict(plan.params),
        "n_workers": plan.n_workers,
        "n_blocks": plan.n_blocks,
        "read_bytes": plan.read_bytes,
        "write_bytes": plan.write_bytes,
        "flops": plan.flops,
        "task_host_bytes": plan.task_host_bytes,
        "task_device_bytes": plan.task_device_bytes,
        "memory_host_bytes": plan.budget.host_bytes,
        "memory_device_bytes": plan.budget.device_bytes,
        "predicted_s": plan.predicted_s,
        "seconds": plan.seconds,
        "outputs": outputs,
        "steps": steps,
        "notes": list(plan.notes),
    }
