"""Pinned slots: as many as the host's share allows, and as the plan of a product counts them."""

from __future__ import annotations

import pytest

from arraymill.jobs.engine.device.settings import Settings
from arraymill.jobs.operations.products.device_memory import ring_bytes


@pytest.mark.parametrize("allowed", [8 << 20, 100 << 20, 1 << 30, 6 << 30])
@pytest.mark.parametrize("largest", [1000, 5 << 20, 64 << 20, 3 << 30])
def test_the_ring_is_that_of_the_plan(allowed: int, largest: int) -> None:
    settings = Settings().within(allowed, largest)
    found = settings.slot_bytes * (settings.n_in + settings.n_out)
    assert found == ring_bytes(allowed, largest) <= allowed
    assert settings.slot_bytes.bit_count() == 1
    # what was planned is allowed, and changes nothing
    assert Settings().within(found, largest) == settings


def test_slots_are_no_smaller_than_they_are_set() -> None:
    assert Settings(slot_bytes=64, n_in=2, n_out=1).within(0, 8).slot_bytes == 64
