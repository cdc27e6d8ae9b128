"""Facts of the wish to stop."""

from __future__ import annotations

from arraymill.jobs.runner import Stop


def test_leaving_is_draining_too() -> None:
    stop = Stop()
    assert (stop.is_draining, stop.is_leaving) == (False, False)
    stop.leave()
    assert stop.is_draining
    assert stop.is_leaving
