"""What all parts of one run share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..engine import Work
from .casualties import Casualties
from .journal import Journal
from .messages import Messages
from .policy import FaultPolicy
from .progress import Tally

__all__ = ["RunContext"]


@dataclass(frozen=True, slots=True)
class RunContext:
    """One run: its work, its place, its rules and its counts.

    Parameters
    ----------
    work : Work
    session : Session
    policy : FaultPolicy
    journal : Journal
    is_kept : bool
        The journal outlives the run, so it is worth finishing the rest when a block fails.
    tally : Tally
    casualties : Casualties
    messages : Messages
    now : callable
        Seconds of `time.monotonic`.
    """

    work: Work
    session: Any
    policy: FaultPolicy
    journal: Journal
    is_kept: bool
    tally: Tally
    casualties: Casualties
    messages: Messages
    now: Callable[[], float]
