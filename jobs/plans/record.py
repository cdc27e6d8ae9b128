"""A plan as a JSON document, and a plan from one: the grid of a job is stored with it and never worked out anew."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from ..blocks import Grid
from ..errors import InputChangedError
from ..headers import ArrayHeader
from ..job import Job
from ..limits import Budget
from ..stages.shapes import ConstantStage, ContractStage, Stage
from .chain_plan import AnyPlan
from .placement import Place
from .planning import Plan, plan_job

__all__ = [
    "as_recorded",
    "check_recorded",
    "params_record",
    "plan_record",
    "recorded_settings",
    "restore_plan",
    "work_record",
]


def plan_record(plan: Plan, place: Place, versions: Mapping[str, str]) -> dict[str, Any]:
    """Return everything that the bits of the answer depend on, beside the inputs' content, and the predictions.

    Parameters
    ----------
    plan : Plan
    place : Place
    versions : mapping
        From `versions.current_versions`.
    """
    stage = plan.stage
    return work_record(plan, place, versions) | {
        "stage": type(stage).__name__,
        "grid": {"shape": list(stage.grid.shape), "chunks": list(stage.grid.chunks)},
        "inner": _inner(stage),
        "n_parts": stage.n_parts,
    }


def work_record(plan: AnyPlan, place: Place, versions: Mapping[str, str]) -> dict[str, Any]:
    """Return what the records of a plan of one stage and of one of several steps have in common."""
    return {
        "schema": 1,
        "operation": plan.operation,
        "params": params_record(plan.params),
        "inputs": [_header_record(header) for header in plan.inputs],
        "output": _header_record(plan.output),
        "device": plan.limits.device,
        "precision": plan.limits.precision,
        "budget": {"host_bytes": plan.budget.host_bytes, "device_bytes": plan.budget.device_bytes},
        "block_bytes": plan.limits.block_bytes,
        "n_blocks": plan.n_blocks,
        "flops": plan.flops,
        "read_bytes": plan.read_bytes,
        "write_bytes": plan.write_bytes,
        "task_host_bytes": plan.task_host_bytes,
        "task_device_bytes": plan.task_device_bytes,
        "seconds": dict(plan.seconds),
        "predicted_s": plan.predicted_s,
        "edges_s": plan.edges_s,
        "least_s": plan.least_s,
        "n_workers": plan.n_workers,
        "place": {"kind": place.kind, "device": place.device, "reason": place.reason},
        "notes": list(plan.notes),
        "versions": dict(versions),
    }


def restore_plan(job: Job, record: Mapping[str, Any]) -> Plan:
    """Return the plan that was recorded, for the inputs as they are now.

    The operation's kernels are built anew from the same limits; the grid and the pieces are those of the record.

    Raises
    ------
    InputChangedError
        If an input has another shape, dtype or memory order than it had, or the job file states other work.
    """
    check_recorded(job, record)
    plan = plan_job(job.operation, job.headers, job.params, **recorded_settings(record))
    _check_work(plan, record)
    return as_recorded(plan, record)


def recorded_settings(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that a recorded job was planned with."""
    names = ("device", "precision", "n_workers", "block_bytes")
    return {"budget": Budget(**record["budget"])} | {name: record[name] for name in names}


def as_recorded(plan: Plan, record: Mapping[str, Any]) -> Plan:
    """Return a plan with the grid, the pieces and the predictions of a record of the same work."""
    if isinstance(plan.stage, ConstantStage):
        return plan
    grid = Grid(tuple(record["grid"]["shape"]), tuple(record["grid"]["chunks"]))
    inner: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in record["inner"].items()
    }
    if isinstance(plan.stage, ContractStage):
        # a record of before there were tiles within a block
        inner = {"pieces": (), "order": "rows", "resident": "none"} | inner
    return replace(
        plan,
        stage=replace(plan.stage, grid=grid, **inner),
        read_bytes=record["read_bytes"],
        task_host_bytes=record["task_host_bytes"],
        task_device_bytes=record["task_device_bytes"],
        seconds=dict(record["seconds"]),
        edges_s=record.get("edges_s", 0.0),
        least_s=record.get("least_s", record["predicted_s"]),
        is_measured=bool((record.get("ceilings") or {}).get("is_measured")),
    )


def _inner(stage: Stage) -> dict[str, Any]:
    """Return how a block is streamed."""
    if isinstance(stage, ConstantStage):
        return {}
    if not isinstance(stage, ContractStage):
        return {"pieces": list(stage.pieces)}
    shape = {"slab": stage.slab, "pieces": list(stage.pieces)}
    return shape | {"mode": stage.mode, "order": stage.order, "resident": stage.resident}


def _header_record(header: ArrayHeader) -> dict[str, Any]:
    """Return what is known of an array, in JSON's types."""
    return {
        "name": header.name,
        "shape": list(header.shape),
        "dtype": header.dtype.str,
        "order": header.order,
        "nbytes": header.nbytes,
    }


def check_recorded(job: Job, record: Mapping[str, Any]) -> None:
    """Check that the inputs of a job are arrays like those of its record.

    Raises
    ------
    InputChangedError
        If an input has another shape, dtype or memory order than it had.
    """
    for header, before_record in zip(job.headers, record["inputs"], strict=True):
        before, now = _describe(before_record), _describe(_header_record(header))
        if before != now:
            raise InputChangedError(
                f"{header.name}: is another array than when the job began",
                cause=f"it was {before}, and is {now}",
                safe="what the job has done is kept",
                next="put the old file back, or start a new job with this one",
            )


def _check_work(plan: Plan, record: Mapping[str, Any]) -> None:
    before = {"op": record["operation"], "params": record["params"]}
    now = {"op": plan.operation, "params": params_record(plan.params)}
    if before != now:
        raise InputChangedError(
            "the job file states other work than when the job began",
            cause=f"it was {before}, and is {now}",
            safe="what the job has done is kept",
            next="put the old job file back, or start a new job with this one",
        )


def params_record(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return parameters in JSON's types."""
    return {name: _as_json(value) for name, value in params.items()}


def _describe(record: Mapping[str, Any]) -> str:
    order = f", {record['order']} order" if len(record["shape"]) > 1 else ""
    return f"{np.dtype(record['dtype'])} {tuple(record['shape'])}{order}"


def _as_json(value: Any) -> Any:
    if isinstance(value, tuple | list):
        return [_as_json(item) for item in value]
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
