"""What each stage of a job reaches at most, and the seconds that it needs alone at that rate."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from ..rates.workers import Rates, rates_of

__all__ = ["alone_s", "ceilings_of", "worker_ceilings"]


def ceilings_of(plan: Mapping[str, Any], events: Iterable[Mapping[str, Any]]) -> Rates:
    """Return the rates that a job is compared with: measured by its workers, known when it was planned, or nominal.

    Parameters
    ----------
    plan : mapping
        The ledger's plan record.
    events : iterable of mapping
        The ledger's other records, of which "ceilings" are what workers measured.
    """
    found = _planned_rates(plan)
    for event in events:
        if event["kind"] == "ceilings":
            found = _rates(event) or found
    return found


def alone_s(plan: Mapping[str, Any], ceilings: Rates) -> dict[str, float]:
    """Return the seconds that each step of the whole job needs alone, on all its workers.

    Notes
    -----
    The plan knows how often each byte is read; its seconds are for the rates that it was made with, and are turned into
    those for the ceilings by the ratio of the two.
    """
    n_busy = _n_busy(plan)
    before, now = _by_step(_planned_rates(plan), n_busy), _by_step(ceilings, n_busy)
    return {step: seconds * _ratio(before.get(step), now.get(step)) for step, seconds in plan["seconds"].items()}


def worker_ceilings(plan: Mapping[str, Any], ceilings: Rates) -> dict[str, float]:
    """Return what one worker reaches at each stage while all the others work, too; without what is unlimited."""
    n_busy = _n_busy(plan)
    together = ceilings.together(n_busy)
    return {stage: rate / n_busy for stage, rate in together.items() if np.isfinite(rate)}


def _planned_rates(plan: Mapping[str, Any]) -> Rates:
    nominal = rates_of(plan["device"], plan["precision"], np.dtype(plan["output"]["dtype"]))
    return _rates(plan.get("ceilings")) or nominal


def _rates(record: Mapping[str, Any] | None) -> Rates | None:
    try:
        return None if record is None else Rates.from_json(record)
    except (ValueError, TypeError):
        # of another version
        return None


def _n_busy(plan: Mapping[str, Any]) -> int:
    return int(max(min(plan["n_workers"], plan["n_blocks"]), 1))


def _by_step(rates: Rates, n_busy: int) -> dict[str, float]:
    return rates.together(n_busy) | {"link": rates.link * n_busy}


def _ratio(before: float | None, now: float | None) -> float:
    if before is None or now is None or not (np.isfinite(before) and np.isfinite(now)):
        return 1.0
    return before / now
