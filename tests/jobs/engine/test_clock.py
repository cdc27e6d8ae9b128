"""Facts of the clock: seconds add up per step, also where a step fails."""

from __future__ import annotations

import pytest

from arraymill.jobs.engine.clock import Clock


def test_steps_add_up() -> None:
    clock = Clock()
    with clock.step("read"):
        pass
    once = clock.seconds["read"]
    with clock.step("read"):
        pass
    assert clock.seconds["read"] >= once >= 0


def test_a_step_that_fails_is_counted() -> None:
    clock = Clock()
    with pytest.raises(ZeroDivisionError), clock.step("compute"):
        raise ZeroDivisionError
    assert list(clock.seconds) == ["compute"]


def test_nothing_moved_yet() -> None:
    assert (Clock().bytes_read, Clock().bytes_written) == (0, 0)
