"""Slots of slabs: as few copies as a cache that knows the future needs, and never the slot of the step before."""

from __future__ import annotations

from random import Random

import pytest

from arraymill.jobs.engine.device import schedule
from arraymill.jobs.engine.device.schedule import assign_slots
from arraymill.jobs.operations.products import traffic


@pytest.mark.parametrize("seed", range(200))
def test_random_sequences(seed: int) -> None:
    draw = Random(seed)
    n_slots = draw.randint(1, 5)
    keys = [draw.randint(0, draw.randint(1, 8)) for _ in range(draw.randint(1, 60))]
    uses = assign_slots(keys, n_slots)
    held: dict[int, int] = {}
    for step, (key, use) in enumerate(zip(keys, uses, strict=True)):
        assert 0 <= use.slot < n_slots
        if use.is_load:
            assert key not in held.values()
            if n_slots > 1 and step:
                assert use.slot != uses[step - 1].slot
            held[use.slot] = key
        assert held[use.slot] == key
    # what the planner predicts is what is copied
    assert schedule.count_loads(uses) == traffic.count_loads(keys, n_slots)


def test_slabs_that_pass_through_take_turns() -> None:
    assert [use.slot for use in assign_slots(range(6), 3)] == [0, 1, 2, 0, 1, 2]


def test_a_panel_stays() -> None:
    uses = assign_slots([*range(4)] * 3, 4)
    assert [use.is_load for use in uses] == [True] * 4 + [False] * 8


def test_at_least_one_slot_is_needed() -> None:
    with pytest.raises(ValueError, match="at least 1 slot"):
        assign_slots("a", 0)
