"""A plan as a table for people and as a document for programs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..durations import format_seconds
from ..headers import ArrayHeader
from ..placement import Place
from ..planning import Plan
from ..sizes import format_bytes
from ..spec import OutputSpec
from .terminal import escape

__all__ = ["header_text", "plan_record", "plan_table"]

_VERBS = {"read": "reading", "link": "copying to the device", "compute": "computing", "write": "writing"}
_SHORTEST_SHOWN_S = 0.5e-3


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
    rows = [(f"input {n}" if len(plan.inputs) > 1 else "input", _named(h)) for n, h in enumerate(plan.inputs, 1)]
    rows += [
        ("output", f"{escape(output.path)}  {header_text(plan.output)}" if output else header_text(plan.output)),
        ("parameters", _parameters(plan.params)),
        ("runs on", _place(plan, place)),
        ("blocks", f"{plan.n_blocks}"),
        ("memory", _memory(plan)),
        ("work", _work(plan)),
        ("time", _time(plan)),
        *(("note", note) for note in plan.notes),
    ]
    width = max(len(label) for label, _ in rows)
    lines = [f"  {label:<{width}}  {text}" for label, text in rows if text]
    return "\n".join([f"plan of {plan.operation}", *lines])


def _named(header: ArrayHeader) -> str:
    return f"{escape(header.name)}  {header_text(header)}"


def _parameters(params: Mapping[str, Any]) -> str:
    # What is off or left out by default says nothing; a zero does (ddof).
    said = {name: value for name, value in params.items() if value is not None and value is not False and value != ()}
    return ", ".join(f"{name}={escape(str(value))}" for name, value in said.items())


def _place(plan: Plan, place: Place) -> str:
    device = "GPU" if place.device == "cuda" else "CPU"
    workers = f"{plan.n_workers} worker{'s' * (plan.n_workers != 1)}"
    return f"{device}, {place.kind}, {workers}, precision {plan.limits.precision} ({place.reason})"


def _memory(plan: Plan) -> str:
    host = f"{format_bytes(plan.task_host_bytes)} per task of {format_bytes(plan.budget.host_bytes)} for the job"
    if not plan.task_device_bytes:
        return host
    device = f"{format_bytes(plan.task_device_bytes)} of {format_bytes(plan.budget.device_bytes)}"
    return f"{host}; on each GPU {device}"


def _work(plan: Plan) -> str:
    moved = f"{format_bytes(plan.read_bytes)} read, {format_bytes(plan.write_bytes)} written"
    flops = format_bytes(plan.flops).replace("B", "FLOP")
    return f"{moved}, {flops} ({plan.intensity:.3g} FLOP per byte)"


def _time(plan: Plan) -> str:
    steps = [f"{_VERBS[step]} {format_seconds(s)}" for step, s in plan.seconds.items() if s >= _SHORTEST_SHOWN_S]
    bound = f"about {format_seconds(plan.predicted_s)}, bound by {_VERBS[plan.binding]}"
    return f"{bound} ({', '.join(steps) or 'all steps'} at nominal rates)"


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
        "notes": list(plan.notes),
    }


def _header_record(header: ArrayHeader) -> dict[str, Any]:
    record = {"shape": list(header.shape), "dtype": header.dtype.str, "order": header.order}
    return {"name": header.name, "nbytes": header.nbytes} | record
