"""Which slab is in which slot of the device at each step: known before the first byte moves.

The order of a task's products is fixed, so the cache of slabs looks ahead: what is needed again latest makes room, but
never what the step before uses: its product would have to end before the next copy could begin.

::

    two slots, each slab once               three slots: a panel of 2 slabs is used again
    steps  a0 a1 a2 a3                      steps  b0 b1 b0 b1 b2 b3
    slots   0  1  0  1   4 copies           slots   0  1  0  1  2  0   4 copies

References
----------
L. A. Belady, "A study of replacement algorithms for a virtual-storage computer", IBM Systems Journal 5 (1966), 78-101.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

__all__ = ["Use", "assign_slots", "count_loads"]

_NEVER = 1 << 62


@dataclass(frozen=True, slots=True)
class Use:
    """Where one operand of a step is.

    Parameters
    ----------
    slot : int
    is_load : bool
        It is copied there first.
    """

    slot: int
    is_load: bool


def assign_slots(keys: Sequence[Hashable], n_slots: int) -> list[Use]:
    """Return the slot of each step's slab.

    Parameters
    ----------
    keys : sequence
        What each step needs; equal keys are the same slab.
    n_slots : int
        At least 1; with 1, copies and products take turns.

    Examples
    --------
    >>> [(use.slot, use.is_load) for use in assign_slots("ababc", 3)]
    [(0, True), (1, True), (0, False), (1, False), (2, True)]

    Notes
    -----
    O(steps x slots).
    """
    if n_slots < 1:
        raise ValueError(f"a schedule needs at least 1 slot, not {n_slots}")
    next_use = _next_uses(keys)
    held: dict[Hashable, int] = {}
    # per slot: when it is needed next, and when it was used last
    needed, used = [_NEVER] * n_slots, [-2] * n_slots
    owner: list[Hashable | None] = [None] * n_slots
    uses: list[Use] = []
    for step, key in enumerate(keys):
        slot = held.get(key, -1)
        if is_load := slot < 0:
            slot = _choose(needed, used, step)
            if used[slot] >= 0:
                held.pop(owner[slot], None)
            held[key], owner[slot] = slot, key
        needed[slot], used[slot] = next_use[step], step
        uses.append(Use(slot, is_load))
    return uses


def count_loads(uses: Sequence[Use]) -> int:
    """Return how many of the steps copy.

    >>> count_loads(assign_slots("ababc", 3))
    3
    """
    return sum(use.is_load for use in uses)


def _choose(needed: Sequence[int], used: Sequence[int], step: int) -> int:
    free = [slot for slot in range(len(used)) if used[slot] != step - 1] or [0]
    # of those that are never needed again, the one whose product ended longest ago
    return max(free, key=lambda slot: (needed[slot], -used[slot], -slot))


def _next_uses(keys: Sequence[Hashable]) -> list[int]:
    later: dict[Hashable, int] = {}
    found = [_NEVER] * len(keys)
    for step in range(len(keys) - 1, -1, -1):
        found[step] = later.get(keys[step], _NEVER)
        later[keys[step]] = step
    return found
