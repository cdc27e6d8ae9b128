"""A job that is done, as its caller is told of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from ..engine import BlockRecord
from ..errors import SkippedBlocksError
from ..plans.chain_plan import AnyPlan
from ..plans.placement import Place

__all__ = ["Outcome"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """A job that is done.

    Parameters
    ----------
    plan : AnyPlan
    place : Place
    n_workers : int
    value : ndarray or None
        The result, where no output was named.
    path : Path or None
        The output's file.
    others : dict of str to ndarray or Path
        Outputs beside the main one, by their names.
    seconds : float
        From the first block to the published output.
    start_s : float
        Seconds that the cluster took to start.
    records : tuple of BlockRecord
    job_id : str
        Of a job in the store, else empty.
    skipped : SkippedBlocksError or None
        What to say of blocks that were left out, as the job asked.
    """

    plan: AnyPlan
    place: Place
    n_workers: int
    value: NDArray[Any] | None
    path: Path | None
    seconds: float
    start_s: float
    records: tuple[BlockRecord, ...]
    job_id: str = ""
    skipped: SkippedBlocksError | None = None
    others: Mapping[str, NDArray[Any] | Path] = field(default_factory=dict)
