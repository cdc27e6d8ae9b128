"""The receipt of a job: where its time went, against what was predicted."""

from __future__ import annotations

__all__: list[str] = []
