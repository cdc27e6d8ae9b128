"""Makes the report of a job from its records alone.

Pure: no clock and no file. A job that still runs, or was stopped, has a report of what it has done so far.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..engine import BlockRecord
from ..placement import process_bytes
from ..store import JobState, Settled
from .advice import advise
from .intervals import covered_s
from .report import Report, StageTime

__all__ = ["report_of"]

_STEPS = ("read", "to_device", "compute", "from_device", "write")
_PREDICTED_AS = {"read": "read", "compute": "compute", "write": "write", "to_device": "link"}
"""The plan knows the copies in both directions as one, the link."""


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
    ``eta = max over stages (seconds that it needs alone) / seconds measured``. The numerator is the plan's: bytes and
    operations over nominal rates (`rates`), for the share of the blocks that is done. It is above 1 where the machine
    is faster than its class.
    """
    records = [BlockRecord.from_json(record) for record in settled.done.values()]
    done_share = len(records) / plan["n_blocks"] if plan["n_blocks"] else 0.0
    working_s = covered_s((record.started_s, record.started_s + record.wall_s) for record in records)
    n_attempts = max(settled.epoch, 1)
    wall_s = _wall_s(state, records) if n_attempts == 1 else working_s
    predicted = {step: seconds * done_share for step, seconds in plan["seconds"].items()}
    predicted_s = max(predicted.values(), default=0.0)
    stages = _stages(records, predicted)
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
        flops=round(plan["flops"] * done_share),
        peak_host_bytes=max((record.peak_rss_bytes for record in records), default=0),
        planned_host_bytes=_planned_host_bytes(plan),
        peak_device_bytes=max((record.peak_device_bytes for record in records), default=0),
        planned_device_bytes=plan["task_device_bytes"],
        budget_host_bytes=plan["budget"]["host_bytes"],
        holes=len(settled.holes),
        predicted_s=predicted_s,
        eta=predicted_s / wall_s if wall_s > 0 and records else None,
        bottleneck=_bottleneck(stages, wall_s, working_s),
        retries=settled.n_retries,
        splits=settled.n_splits,
        deaths=settled.n_deaths,
        timeouts=settled.n_timeouts,
        advice=(),
    )
    return replace(report, advice=advise(report))


def _wall_s(state: JobState, records: list[BlockRecord]) -> float:
    last_s = max((record.started_s + record.wall_s for record in records), default=state.started_s or 0.0)
    first_s = state.started_s or min((record.started_s for record in records), default=0.0)
    return max((state.ended_s or last_s) - first_s, 0.0)


def _stages(records: list[BlockRecord], predicted: Mapping[str, float]) -> tuple[StageTime, ...]:
    busy: dict[str, float] = dict.fromkeys(_STEPS, 0.0)
    for record in records:
        for step, seconds in record.seconds.items():
            busy[step] = busy.get(step, 0.0) + seconds
    moved = {
        "read": sum(record.bytes_read for record in records),
        "write": sum(record.bytes_written for record in records),
    }
    total_s = sum(busy.values()) or 1.0
    return tuple(
        StageTime(step, seconds, seconds / total_s, moved.get(step), predicted.get(_PREDICTED_AS.get(step, "")))
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
    is_short = wall_s > 1 and working_s < wall_s / 2
    return "start" if is_short else max(stages, key=lambda stage: stage.busy_s).name
