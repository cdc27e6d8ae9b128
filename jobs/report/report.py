"""What a job took, from its records alone: seconds and bytes per stage, memory, faults, and how near to its limit it was.

Pure: no clock and no file. A job that still runs, or was stopped, has a report of what it has done so far.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..engine import BlockRecord
from ..placement import process_bytes
from ..store import JobState, Settled
from .advice import Findings, advise
from .intervals import covered_s

__all__ = ["Report", "StageTime", "report_of"]

_STEPS = ("read", "to_device", "compute", "from_device", "write")
_PREDICTED_AS = {"read": "read", "compute": "compute", "write": "write", "to_device": "link"}
"""The plan knows the copies in both directions as one, the link."""


@dataclass(frozen=True, slots=True)
class StageTime:
    """What one stage of all blocks took.

    Parameters
    ----------
    name : {"read", "to_device", "compute", "from_device", "write"}
    busy_s : float
        Summed over blocks: those that ran side by side count each.
    share : float
        Of the busy seconds of all stages, from 0 to 1.
    n_bytes : int or None
        What it moved, where that is counted.
    predicted_s : float or None
        What it would take alone, on all workers, at nominal rates.
    """

    name: str
    busy_s: float
    share: float
    n_bytes: int | None
    predicted_s: float | None

    @property
    def bytes_per_s(self) -> float | None:
        """Bytes in each second that a worker was busy with it."""
        return None if self.n_bytes is None or self.busy_s <= 0 else self.n_bytes / self.busy_s


@dataclass(frozen=True, slots=True)
class Report:
    """The receipt of a job.

    Parameters
    ----------
    status, operation, name : str
    output : str or None
    device, place : str
    n_workers : int
    n_blocks, n_done, n_attempts : int
        Blocks of the job, blocks that are done, and how often work on the job began.
    wall_s : float
        From its start to its end; if it was resumed, the seconds in which a block ran.
    working_s : float
        Seconds in which at least one block ran.
    overlap : float
        Blocks that ran side by side, on average.
    stages : tuple of StageTime
    bytes_read, bytes_written, flops : int
    peak_host_bytes, planned_host_bytes : int
        Largest resident process, and what one process was planned to take.
    peak_device_bytes, planned_device_bytes : int
    budget_host_bytes : int
        For all processes together.
    retries, splits, deaths, timeouts, holes : int
    predicted_s : float
        Of what is done, at nominal rates: its slowest stage alone.
    eta : float or None
        ``predicted_s / wall_s``: 1 is as fast as the slowest stage allows. The ceilings are nominal, not measured.
    bottleneck : str or None
        The stage that took most, or "start".
    advice : tuple of str
    """

    status: str
    operation: str
    name: str
    output: str | None
    device: str
    place: str
    n_workers: int
    n_blocks: int
    n_done: int
    n_attempts: int
    wall_s: float
    working_s: float
    overlap: float
    stages: tuple[StageTime, ...]
    bytes_read: int
    bytes_written: int
    flops: int
    peak_host_bytes: int
    planned_host_bytes: int
    peak_device_bytes: int
    planned_device_bytes: int
    budget_host_bytes: int
    retries: int
    splits: int
    deaths: int
    timeouts: int
    holes: int
    predicted_s: float
    eta: float | None
    bottleneck: str | None
    advice: tuple[str, ...]

    @property
    def bytes_per_s(self) -> float:
        """Bytes read and written in each second of the job."""
        return (self.bytes_read + self.bytes_written) / self.wall_s if self.wall_s > 0 else 0.0

    @property
    def flops_per_s(self) -> float:
        """Floating point operations in each second of the job."""
        return self.flops / self.wall_s if self.wall_s > 0 else 0.0


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
    counts = {name: int(getattr(settled, f"n_{name}")) for name in ("retries", "splits", "deaths", "timeouts")}
    overlap = sum(record.wall_s for record in records) / working_s if working_s > 0 else 0.0
    bottleneck = _bottleneck(stages, wall_s, working_s)
    findings = Findings(
        bottleneck=bottleneck,
        shares={stage.name: stage.share for stage in stages},
        rates={stage.name: stage.bytes_per_s for stage in stages if stage.bytes_per_s is not None},
        device=plan["device"],
        precision=plan["precision"],
        n_workers=plan["n_workers"],
        n_blocks=plan["n_blocks"],
        wall_s=wall_s,
        working_s=working_s,
        overlap=overlap,
        **counts,
    )
    return Report(
        status=state.status,
        operation=plan["operation"],
        name=state.name or "",
        output=state.output,
        device=plan["device"],
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
        bottleneck=bottleneck,
        advice=advise(findings),
        **counts,
    )


def _wall_s(state: JobState, records: list[BlockRecord]) -> float:
    last_s = max((record.started_s + record.wall_s for record in records), default=state.started_s or 0.0)
    first_s = state.started_s or min((record.started_s for record in records), default=0.0)
    return max((state.ended_s or last_s) - first_s, 0.0)


def _stages(records: list[BlockRecord], predicted: Mapping[str, float]) -> tuple[StageTime, ...]:
    busy: dict[str, float] = dict.fromkeys(_STEPS, 0.0)
    for record in records:
        for step, seconds in record.seconds.items():
            busy[step] += seconds
    moved = {
        "read": sum(record.bytes_read for record in records),
        "write": sum(record.bytes_written for record in records),
    }
    total_s = sum(busy.values()) or 1.0
    return tuple(
        StageTime(step, seconds, seconds / total_s, moved.get(step), predicted.get(_PREDICTED_AS.get(step, "")))
        for step, seconds in busy.items()
        if seconds > 0
    )


def _planned_host_bytes(plan: Mapping[str, Any]) -> int:
    kind = plan["place"]["kind"]
    n_tasks = plan["n_workers"] if kind == "inline" else 1
    return int(process_bytes(kind) + n_tasks * plan["task_host_bytes"])


def _bottleneck(stages: tuple[StageTime, ...], wall_s: float, working_s: float) -> str | None:
    if wall_s > 1 and working_s < wall_s / 2:
        return "start"
    return max(stages, key=lambda stage: stage.busy_s).name if stages else None
