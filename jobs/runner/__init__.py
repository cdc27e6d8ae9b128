"""The only loop over tasks: which block is sent when, and what is done about those that fail."""

from __future__ import annotations

from .journal import Journal, NullJournal, SettledBlocks
from .loop import RunOutcome
from .merger import Merger
from .policy import FaultPolicy
from .progress import Progress
from .run import run_work
from .stop import Stop

__all__ = [
    "FaultPolicy",
    "Journal",
    "Merger",
    "NullJournal",
    "Progress",
    "RunOutcome",
    "SettledBlocks",
    "Stop",
    "run_work",
]
