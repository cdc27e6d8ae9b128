"""What went wrong in a job, one row for each time, from its ledger."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..durations import format_seconds
from .axis import WorkAxis

__all__ = ["TROUBLES", "Trouble", "troubles_of"]

TROUBLES = {
    "retry": "tried again",
    "split": "memory ran out: halved",
    "death": "worker died",
    "timeout": "took too long",
    "device": "device fault",
    "corrupt": "was not what was written",
    "stale": "stale: runs again",
    "failed": "failed",
    "hole": "skipped",
}
"""Records of the ledger that tell of trouble, and how they are called."""

_REASONS = ("message", "reason", "cause", "why")


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that went wrong.

    Parameters
    ----------
    when : str
        Since the job began, pauses left out.
    what, block, reason : str
    """

    when: str
    what: str
    block: str
    reason: str


def troubles_of(events: Iterable[Mapping[str, Any]], axis: WorkAxis) -> tuple[Trouble, ...]:
    """Return what went wrong, in its order.

    Examples
    --------
    >>> from .axis import Stretch
    >>> [trouble] = troubles_of([{"kind": "retry", "at_s": 12.5, "block": 3, "message": "OSError: busy"},
    ...                          {"kind": "committed", "at_s": 13.0}], WorkAxis((Stretch(1, 10.0, 14.0),)))
    >>> trouble
    Trouble(when='2.5 s', what='tried again', block='3', reason='OSError: busy')
    """
    return tuple(_trouble(event, axis) for event in events if event["kind"] in TROUBLES)


def _trouble(event: Mapping[str, Any], axis: WorkAxis) -> Trouble:
    at_s, block = event.get("at_s"), event.get("block")
    step = f"{event['step']}: " if "step" in event else ""
    return Trouble(
        when=format_seconds(axis.at(at_s)) if isinstance(at_s, int | float) and axis.stretches else "",
        what=step + TROUBLES[event["kind"]],
        block="" if block is None else str(block),
        reason=str(next((event[name] for name in _REASONS if event.get(name)), "")),
    )
