from __future__ import annotations

import threading

from worker_tasks import fail

from arraymill.cluster.session.teardown import finish_within


def test_what_hangs_is_left_behind() -> None:
    release = threading.Event()
    assert not finish_within(0.05, release.wait)
    release.set()


def test_an_error_counts_as_ended() -> None:
    assert finish_within(60, lambda: fail("too late to matter"))
