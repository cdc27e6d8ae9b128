"""Makes the report of a job from its records alone.

Pure: no clock and no file. A job that still runs, or was stopped, has a report of what it has done so far.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..engine import BlockRecord
from ..plans.placement import process_bytes
from ..store import JobState, Settled
from .advice import advise
from .ceilings import alone_s, ceilings_of, worker_ceilings
from .intervals import covered_s
from .report import Report, StageTime

__all__ = ["report_of"]

_STEPS = ("read", "to_device", "compute", "from_device", "write")
_PREDICTED_AS = {"to_device": "link"}
"""Some plans know the copies in both directions as one, the link."""
_PRODUCT_INTENSITY = 8.0
"""From so many operations per byte on, computing is made of products, whose ceiling is known; sums wait for memory."""


def report_of(state: JobState, settled: Settled, plan: Mapping[str, Any]) -> Report:
    """Return the report of a job.

    Parameters
    ----------
    state : JobState
    settled : Settled
        What its ledger says.
    plan : mapping
        The ledger's plan record.

    Notes
    -----
    ``eta = max over stages (seconds that it needs alone) / seconds measured``. The numerator is the plan's bytes and
    operations, over the rates of this machine if they were measured, else over those of its device class, for the share
    of the blocks that is done. It is above 1 where the machine was faster than they say.
    """
    records = [BlockRecord.from_json(record) for record in settled.done.values()]
    done_share = len(records) / plan["n_blocks"] if plan["n_blocks"] else 0.0
    working_s = covered_s((record.started_s, record.started_s + record.wall_s) for record in records)
    n_attempts = max(settled.epoch, 1)
    wall_s = _wall_s(state, records) if n_attempts == 1 else working_s
    ceilings = ceilings_of(plan, settled.events)
    predicted = {step: seconds * done_share for step, seconds in alone_s(plan, ceilings).items()}
    predicted_s = max(predicted.values(), default=0.0)
    flops = round(plan["flops"] * done_share)
    stages = _stages(records, predicted, worker_ceilings(plan, ceilings), flops)
    overlap = sum(record.wall_s for record in records) / working_s if working_s > 0 else 0.0
    report = Report(
        status=state.status,
        operation=plan["operation"],
        name=state.name or "",
        output=state.output,
        device=plan["device"],
        precision=plan["precision"],
        place=plan["place"]["kind"],
        n_workers=plan["n_workers"],
        n_blocks=plan["n_blocks"],
        n_done=len(records),
        n_attempts=n_attempts,
        wall_s=wall_s,
        working_s=working_s,
        overlap=overlap,
        stages=stages,
        bytes_read=sum(record.bytes_read for record in records),
        bytes_written=sum(record.bytes_written for record in records),
        flops=flops,
        peak_host_bytes=max((record.peak_rss_bytes for record in records), default=0),
        planned_host_bytes=_planned_host_bytes(plan),
        peak_device_bytes=max((record.peak_device_bytes for record in records), default=0),
        planned_device_bytes=plan["task_device_bytes"],
        budget_host_bytes=plan["budget"]["host_bytes"],
        holes=len(settled.holes),
        predicted_s=predicted_s,
        eta=predicted_s / wall_s if wall_s > 0 and records else None,
        ceilings=ceilings.ceilings,
        bottleneck=_bottleneck(stages, wall_s, working_s),
        retries=settled.n_retries,
        splits=settled.n_splits,
        deaths=settled.n_deaths,
        timeouts=settled.n_timeouts,
        advice=(),
        verified=next((tuple(e["checks"]) for e in reversed(settled.events) if e["kind"] == "recomputed"), ()),
    )
    return replace(report, advice=advise(report))


def _wall_s(state: JobState, records: list[BlockRecord]) -> float:
    last_s = max((record.started_s + record.wall_s for record in records), default=state.started_s or 0.0)
    first_s = state.started_s or min((record.started_s for record in records), default=0.0)
    return max((state.ended_s or last_s) - first_s, 0.0)


def _stages(
    records: list[BlockRecord], predicted: Mapping[str, float], ceilings: Mapping[str, float], flops: int
) -> tuple[StageTime, ...]:
    busy: dict[str, float] = dict.fromkeys(_STEPS, 0.0)
    for record in records:
        for step, seconds in record.seconds.items():
            busy[step] = busy.get(step, 0.0) + seconds
    moved = {
        "read": sum(record.bytes_read for record in records),
        "write": sum(record.bytes_written for record in records),
    }
    is_product = flops >= _PRODUCT_INTENSITY * max(sum(moved.values()), 1)
    counted = moved | ({"compute": flops} if is_product else {})
    total_s = sum(busy.values()) or 1.0
    return tuple(
        StageTime(
            step,
            seconds,
            seconds / total_s,
            moved.get(step),
            predicted.get(step, predicted.get(_PREDICTED_AS.get(step, ""))),
            flops if step == "compute" and is_product else None,
            ceilings.get(step) if step in counted else None,
        )
        for step, seconds in busy.items()
        if seconds > 0 and step in _STEPS
    )


def _planned_host_bytes(plan: Mapping[str, Any]) -> int:
    kind = plan["place"]["kind"]
    n_tasks = plan["n_workers"] if kind == "inline" else 1
    return int(process_bytes(kind) + n_tasks * plan["task_host_bytes"])


def _bottleneck(stages: tuple[StageTime, ...], wall_s: float, working_s: float) -> str | None:
    if not stages:
        return None
    return "start" if working_s < wall_s / 2 else max(stages, key=lambda stage: stage.busy_s).name
