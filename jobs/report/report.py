"""The receipt of a job as data: seconds and bytes per stage, memory, faults, and its distance from its limit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ..durations import format_seconds
from ..sizes import format_bytes

__all__ = ["SHORT_S", "STAGE_WORDS", "Report", "StageTime"]

SHORT_S = 1.0
"""Of a job that took less, nothing is worth tuning."""

STAGE_WORDS = {
    "read": "reading",
    "to_device": "copying to the device",
    "compute": "computing",
    "from_device": "copying from the device",
    "write": "writing",
    "start": "starting and ending",
}
"""Stages as they are called in sentences, in the order in which a block passes through them."""


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
        What it would take alone, on all workers, at its ceiling.
    flops : int or None
        Of products, where computing is made of them.
    ceiling : float or None
        Bytes, or floating point operations, per second that a worker reaches at most.

    Examples
    --------
    >>> StageTime("read", 2.0, 0.5, 10**9, None).bytes_per_s
    500000000.0
    """

    name: str
    busy_s: float
    share: float
    n_bytes: int | None
    predicted_s: float | None
    flops: int | None = None
    ceiling: float | None = None

    @property
    def bytes_per_s(self) -> float | None:
        """Bytes in each second that a worker was busy with it."""
        return None if self.n_bytes is None or self.busy_s <= 0 else self.n_bytes / self.busy_s

    @property
    def flops_per_s(self) -> float | None:
        """Floating point operations in each second that a worker was busy with it."""
        return None if self.flops is None or self.busy_s <= 0 else self.flops / self.busy_s

    @property
    def of_ceiling(self) -> float | None:
        """Which part of its ceiling it reached: above 1 where the ceiling is of a slower machine, or moment."""
        rate = self.flops_per_s if self.n_bytes is None else self.bytes_per_s
        return None if rate is None or self.ceiling is None else rate / self.ceiling


@dataclass(frozen=True, slots=True)
class Report:
    """The receipt of a job.

    Parameters
    ----------
    status, operation, name : str
    output : str or None
    device, precision, place : str
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
        Of what is done: its slowest stage alone, at its ceiling.
    eta : float or None
        ``predicted_s / wall_s``: 1 is as fast as the slowest stage allows.
    ceilings : {"measured", "nominal"}
        Whether they were measured on the machine of the job, or are those of its device class.
    bottleneck : str or None
        The stage that took most, or "start".
    advice : tuple of str
    verified : tuple of mapping
        What the job's own checks against NumPy found, step by step; none were asked for where it is empty.
    """

    status: str
    operation: str
    name: str
    output: str | None
    device: str
    precision: str
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
    ceilings: Literal["measured", "nominal"]
    bottleneck: str | None
    advice: tuple[str, ...]
    verified: tuple[Mapping[str, Any], ...] = ()

    @property
    def is_tiny(self) -> bool:
        """Whether it took less than a second, most of it to start and to end: its stages say nothing then."""
        return self.wall_s < SHORT_S and self.bottleneck == "start"

    @property
    def bytes_per_s(self) -> float:
        """Bytes read and written in each second of the job."""
        return (self.bytes_read + self.bytes_written) / self.wall_s if self.wall_s > 0 else 0.0

    @property
    def flops_per_s(self) -> float:
        """Floating point operations in each second of the job."""
        return self.flops / self.wall_s if self.wall_s > 0 else 0.0

    def _repr_html_(self) -> str:
        """Return what matters most as a table, which notebooks show."""
        from .html import html_table  # every job makes a report, and few are shown

        return html_table(
            {
                "operation": self.operation,
                "status": self.status,
                "blocks": f"{self.n_done} of {self.n_blocks} done",
                "time": format_seconds(self.wall_s),
                "read": format_bytes(self.bytes_read),
                "written": format_bytes(self.bytes_written),
                "rate": f"{format_bytes(self.bytes_per_s)}/s",
                "largest process": format_bytes(self.peak_host_bytes),
                "bottleneck": "" if self.bottleneck is None else STAGE_WORDS[self.bottleneck],
            }
        )
