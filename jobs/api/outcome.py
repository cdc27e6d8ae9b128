"""A job that is done: what its caller is told of it, and what a call returns."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..engine import BlockRecord
from ..errors import SkippedBlocksError
from ..plans.chain_plan import AnyPlan
from ..plans.placement import Place

__all__ = ["Outcome", "named", "returned"]


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


def returned(outcome: Outcome) -> Any:
    """Return the result of a job: of several outputs a named tuple, the main one first."""
    main = outcome.value if outcome.path is None else outcome.path
    names = [name for name, _ in getattr(outcome.plan, "outputs", [("", "")])]
    others = (outcome.others[name] for name in names[1:])
    return named(names, list(map(_plain, [main, *others])))


def named(names: Sequence[str], results: Sequence[Any]) -> Any:
    """Return one result as it is, several as a named tuple.

    >>> named(["values", "class"], [1, 2])
    Outputs(values=1, _1=2)
    """
    if len(results) == 1:
        return results[0]
    # a name may be a word of Python; and mypy wants the names of named tuples to stand in the program
    make: Any = namedtuple
    return make("Outputs", names, rename=True)(*results)


def _plain(result: NDArray[Any] | Path | None) -> Any:
    """Return a result without axes as a NumPy scalar."""
    return result[()] if isinstance(result, np.ndarray) else result
