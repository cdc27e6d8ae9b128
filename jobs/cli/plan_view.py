"""A plan as a table for people and as a document for programs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from ..blocks import Shape, ceil_div
from ..durations import format_seconds
from ..headers import ArrayHeader
from ..plans.chain_plan import AnyPlan
from ..plans.placement import Place
from ..plans.planning import Plan
from ..rates.packing import packing_s
from ..sizes import format_bytes
from ..spec.job_spec import OutputSpec
from ..stages.shapes import ConstantStage, ContractStage, Stage
from .plan_steps import step_table
from .terminal import escape

__all__ = [
    "header_text",
    "memory_text",
    "named_text",
    "packing_text",
    "parameters_text",
    "place_text",
    "plan_record",
    "plan_table",
    "tiles_per_task",
]

_VERBS = {
    "read": "reading",
    "to_device": "copying to the GPU",
    "compute": "computing",
    "from_device": "copying from the GPU",
    "write": "writing",
}
_SHORTEST_SHOWN_S = 0.5e-3
_MULTIPLIES = {
    "tf32": "TF32 products",
    "fp16": "float16 products added in float32",
    "bf16": "bfloat16 products added in float32",
    "3xtf32": "three TF32 products for each in float32",
    "fp64acc": "float64 products",
}


def header_text(header: ArrayHeader) -> str:
    """Return shape, dtype and size of an array.

    >>> import numpy as np
    >>> header_text(ArrayHeader("x.npy", (1000, 4), np.dtype("f4"), "F"))
    '(1000, 4) float32, Fortran order, 16.0 kB'
    """
    order = ", Fortran order" if header.order == "F" else ""
    return f"{header.shape} {header.dtype.name}{order}, {format_bytes(header.nbytes)}"


def plan_table(plan: Plan, place: Place, output: OutputSpec | None) -> str:
    """Return a plan as lines of text.

    Parameters
    ----------
    plan : Plan
    place : Place
    output : OutputSpec or None
        Where the result goes, if that was said.
    """
    rows = [(f"input {n}" if len(plan.inputs) > 1 else "input", named_text(h)) for n, h in enumerate(plan.inputs, 1)]
    rows += [
        ("output", f"{escape(output.path)}  {header_text(plan.output)}" if output else header_text(plan.output)),
        ("parameters", parameters_text(plan.params)),
        ("runs on", place_text(plan, place)),
        ("tasks", _tasks(plan)),
        ("products", _products(plan)),
        ("memory", memory_text(plan)),
        ("moves", _moves(plan)),
        ("time", _time(plan)),
        ("at least", _least(plan)),
        ("packing", packing_text(output, plan.output)),
        *(("note", note) for note in plan.notes),
    ]
    width = max(len(label) for label, _ in rows)
    lines = [f"  {label:<{width}}  {text}" for label, text in rows if text]
    return "\n".join([f"plan of {plan.operation}", *lines, *step_table(plan)])


def named_text(header: ArrayHeader) -> str:
    """Return an array's name, shape, dtype and size."""
    return f"{escape(header.name)}  {header_text(header)}"


def parameters_text(params: Mapping[str, Any]) -> str:
    """Return the parameters that say something."""
    # What is off or left out by default says nothing; a zero does (ddof).
    said = {name: value for name, value in params.items() if value is not None and value is not False and value != ()}
    return ", ".join(f"{name}={escape(str(value))}" for name, value in said.items())


def place_text(plan: AnyPlan, place: Place) -> str:
    """Return where a plan runs, and why there."""
    device = "GPU" if place.device == "cuda" else "CPU"
    workers = f"{plan.n_workers} worker{'s' * (plan.n_workers != 1)}"
    return f"{device}, {place.kind}, {workers}, precision {plan.limits.precision} ({place.reason})"


def _tasks(plan: Plan) -> str:
    stage = plan.stage
    if isinstance(stage, ConstantStage):
        return "none: the result is known from the shapes"
    is_product = isinstance(stage, ContractStage)
    chunks = stage.grid.chunks[:-1] if is_product else stage.grid.chunks
    parts = f", k in {stage.n_parts} parts" if is_product and stage.n_parts > 1 else ""
    n_tiles = tiles_per_task(stage)
    inner = f", each {n_tiles} {'tiles' if is_product else 'pieces'} of {_sides(stage.pieces)}" if n_tiles > 1 else ""
    counts = stage.grid.counts[:-1] if is_product else stage.grid.counts
    grid = f" ({_sides(counts)})" if sum(count > 1 for count in counts) > 1 else ""
    return f"{plan.n_blocks}{grid} of {_sides(chunks)}{parts}{inner}"


def _products(plan: Plan) -> str:
    stage = plan.stage
    if not isinstance(stage, ContractStage):
        return ""
    k = stage.grid.chunks[-1]
    slabs = f"k in slabs of {stage.slab}" if stage.slab < k else f"all of k ({k}) at once"
    order = f"tiles by {stage.order}" if tiles_per_task(stage) > 1 else ""
    panel = f"a panel of {stage.resident} stays on the GPU" if stage.resident != "none" else ""
    multiplies = _MULTIPLIES.get(stage.mode, "") if plan.limits.device == "cuda" else ""
    return ", ".join(text for text in (slabs, order, panel, multiplies) if text)


def tiles_per_task(stage: Stage) -> int:
    """Return how many tiles, or pieces, a whole task is worked on in."""
    if isinstance(stage, ConstantStage) or not stage.pieces:
        return 1
    return math.prod(map(ceil_div, stage.grid.chunks, stage.pieces))


def _sides(shape: Shape) -> str:
    return " x ".join(str(n) for n in shape) if len(shape) > 1 else f"{math.prod(shape)}"


def memory_text(plan: AnyPlan) -> str:
    """Return what a task takes of the memory that the job may take."""
    host = f"{format_bytes(plan.task_host_bytes)} per task of {format_bytes(plan.budget.host_bytes)} for the job"
    if not plan.task_device_bytes:
        return host
    device = f"{format_bytes(plan.task_device_bytes)} of {format_bytes(plan.budget.device_bytes)}"
    return f"{host}; on each GPU {device}"


def _moves(plan: Plan) -> str:
    where = "over the link" if plan.moves.to_device_bytes else "read and written"
    intensity = f"{plan.intensity:.3g}" if plan.intensity < 1000 else f"{plan.intensity:.0f}"
    return f"{format_bytes(plan.moved_bytes)} {where}, {intensity} FLOP per byte" if plan.n_blocks else ""


def _time(plan: Plan) -> str:
    if not plan.n_blocks:
        return ""
    rates = "rates measured on this machine" if plan.is_measured else "nominal rates"
    edges = f", and {format_seconds(plan.edges_s)} at both ends" if plan.edges_s >= _SHORTEST_SHOWN_S else ""
    return f"about {format_seconds(plan.predicted_s)} at {rates}: bound by {_VERBS[plan.binding]}{edges}"


def _least(plan: Plan) -> str:
    if not plan.n_blocks:
        return ""
    least = f"{format_seconds(plan.least_s)} and {format_bytes(plan.moved_bytes / plan.bytes_ratio)}"
    time_share = plan.least_s / plan.predicted_s if plan.predicted_s else 1.0
    return f"{least} by any schedule: {time_share:.0%} and {1 / plan.bytes_ratio:.0%} of this one's".replace("%", " %")


def packing_text(output: OutputSpec | None, *arrays: ArrayHeader) -> str:
    """Return how long the output is packed into its format when all blocks are done; nothing where it is not.

    >>> import numpy as np
    >>> packing_text(OutputSpec(path="y.csv"), ArrayHeader("y", (1_500_000, 60), np.dtype("f4")))
    'then about 1 min 0 s into .csv, by one process, at nominal rates'
    """
    if output is None:
        return ""
    suffix = PurePath(output.path.partition("::")[0]).suffix
    seconds = sum(packing_s(header, suffix, output.compression) for header in arrays)
    if seconds < _SHORTEST_SHOWN_S:
        return ""
    return f"then about {format_seconds(seconds)} into {suffix}, by one process, at nominal rates"


def plan_record(plan: Plan, place: Place) -> dict[str, Any]:
    """Return a plan as a JSON document."""
    return {
        "schema": 1,
        "feasible": True,
        "operation": plan.operation,
        "params": dict(plan.params),
        "inputs": [_header_record(header) for header in plan.inputs],
        "output": _header_record(plan.output),
        "device": place.device,
        "cluster": place.kind,
        "reason": place.reason,
        "precision": plan.limits.precision,
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
        "seconds": dict(plan.seconds),
        "binding": plan.binding,
        "rates": "measured" if plan.is_measured else "nominal",
        "edges_s": plan.edges_s,
        "least_s": plan.least_s,
        "to_device_bytes": plan.moves.to_device_bytes,
        "from_device_bytes": plan.moves.from_device_bytes,
        "least_in_bytes": plan.moves.least_in_bytes,
        "bytes_ratio": plan.bytes_ratio,
        "stage": _stage_record(plan.stage),
        "notes": list(plan.notes),
    }


def _stage_record(stage: Stage) -> dict[str, Any]:
    record: dict[str, Any] = {"shape": list(stage.grid.shape), "chunks": list(stage.grid.chunks)}
    record |= {"counts": list(stage.grid.counts), "n_parts": stage.n_parts, "tiles_per_task": tiles_per_task(stage)}
    if isinstance(stage, ConstantStage):
        return record
    record["tile"] = list(stage.pieces or stage.grid.chunks[:-1])
    if isinstance(stage, ContractStage):
        record |= {"slab": stage.slab, "order": stage.order, "resident": stage.resident, "mode": stage.mode}
    return record


def _header_record(header: ArrayHeader) -> dict[str, Any]:
    record = {"shape": list(header.shape), "dtype": header.dtype.str, "order": header.order}
    return {"name": header.name, "nbytes": header.nbytes} | record
