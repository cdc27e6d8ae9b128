"""Facts of held back interrupts."""

from __future__ import annotations

import signal
import threading

import pytest

from arraymill.jobs.api.interrupts import deferred_interrupts


def test_an_interrupt_comes_after_the_step() -> None:
    steps = []

    def run() -> None:
        with deferred_interrupts():
            signal.raise_signal(signal.SIGINT)
            steps.append("whole")

    with pytest.raises(KeyboardInterrupt):
        run()
    assert steps == ["whole"]


def test_handlers_are_put_back_after_an_error() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with pytest.raises(ValueError, match="in the step"), deferred_interrupts():
        raise ValueError("in the step")
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_other_threads_leave_handlers_alone() -> None:
    found = []

    def run() -> None:
        with deferred_interrupts():
            found.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert found == [signal.getsignal(signal.SIGINT)]
