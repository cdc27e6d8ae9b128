"""The receipt of a job: where its time went, against what was predicted."""

from __future__ import annotations

from .assembly import report_of
from .html import html_table
from .report import STAGE_WORDS, Report, StageTime
from .text import report_text, to_json

__all__ = ["STAGE_WORDS", "Report", "StageTime", "html_table", "report_of", "report_text", "to_json"]
