"""The time of a block told apart by its steps, of which it has no more than it took."""

from __future__ import annotations

from collections.abc import Iterable

from ..engine import BlockRecord
from ..engine.clock import Step

__all__ = ["OTHER", "STEPS", "told_time", "visible_steps"]

STEPS: tuple[Step, ...] = ("read", "to_device", "compute", "from_device", "write")
OTHER = "other"
"""What no step took."""
_LEAST_SHARE = 0.005
"""Steps that took less cannot be seen."""


def told_time(record: BlockRecord) -> dict[str, float]:
    """Return the seconds of a block by step; together they are as long as the block, those that overlapped share it.

    Examples
    --------
    >>> told_time(BlockRecord(0, 1, 0.0, 2.0, 0, 0, 0, {"read": 0.5, "compute": 1.0}))
    {'read': 0.5, 'to_device': 0.0, 'compute': 1.0, 'from_device': 0.0, 'write': 0.0, 'other': 0.5}
    >>> told_time(BlockRecord(0, 1, 0.0, 2.0, 0, 0, 0, {"read": 2.0, "compute": 2.0}))["compute"]
    1.0
    """
    seconds: dict[str, float] = {step: record.seconds.get(step, 0.0) for step in STEPS}
    total_s = sum(seconds.values())
    if total_s > record.wall_s:
        seconds = {step: busy_s * record.wall_s / total_s for step, busy_s in seconds.items()}
    return {**seconds, OTHER: max(record.wall_s - total_s, 0.0)}


def visible_steps(records: Iterable[BlockRecord]) -> tuple[str, ...]:
    """Return the steps that took long enough to be seen, in the order in which a block passes through them."""
    told = [told_time(record) for record in records]
    seconds = {step: sum(times[step] for times in told) for step in (*STEPS, OTHER)}
    least_s = _LEAST_SHARE * sum(seconds.values())
    return tuple(step for step, busy_s in seconds.items() if busy_s > least_s)
