"""The receipt of a job: where its time went, against what was predicted."""

from __future__ import annotations

from .report import Report, StageTime, report_of
from .text import report_text, to_json

__all__ = ["Report", "StageTime", "report_of", "report_text", "to_json"]
