"""The job directory: what a job is, how far it has come, and who works on it, in files that survive any process."""

from __future__ import annotations

__all__: list[str] = []
