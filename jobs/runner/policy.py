"""What a job's user decides about failures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["FaultPolicy"]


@dataclass(frozen=True, slots=True)
class FaultPolicy:
    """How much is tried before a block, or the job, fails.

    Parameters
    ----------
    retries : int
        How often a block is tried again after an error of input or output; other errors have two retries at most.
    max_worker_deaths : int
        Deaths of workers, and workers replaced for a block that took too long, that the job survives.
    on_error : {"fail", "skip"}
        skip: a block that fails is left out, as NaN or 0, where it makes a region of the output by itself.
    timeout_s : float or None
        Seconds that one block may take; None for ten times the median, at least 60.
    """

    retries: int = 3
    max_worker_deaths: int = 5
    on_error: Literal["fail", "skip"] = "fail"
    timeout_s: float | None = None
