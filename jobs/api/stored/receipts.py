"""Writes the receipt of a job that has ended into its folder."""

from __future__ import annotations

import json

from ...report import report_of, to_json
from ...store import JobFolder, JobState, Settled, write_file

__all__ = ["write_report"]


def write_report(folder: JobFolder, state: JobState, settled: Settled) -> None:
    """Write ``report.json``; a job that made no plan has none."""
    if settled.plan is not None:
        report = report_of(state, settled, settled.plan)
        write_file(folder.report, json.dumps(to_json(report), indent=2).encode())
