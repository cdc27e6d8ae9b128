"""The only loop over tasks: which block is sent when, and what is done about those that fail."""

from __future__ import annotations

from .loop import FaultPolicy, Merger, Progress, run_work

__all__ = ["FaultPolicy", "Merger", "Progress", "run_work"]
