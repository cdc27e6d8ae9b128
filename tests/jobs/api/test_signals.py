"""Facts of signals to a process that drives a job: what the first, the second and the third one do."""

from __future__ import annotations

import signal
import threading
from dataclasses import dataclass, field
from typing import Any

import pytest

from arraymill.jobs.api.signals import Stopped, StopSignals, deferred_interrupts

KINDS = [signal.SIGINT, signal.SIGTERM, signal.SIGUSR1]


@dataclass
class Asked:
    """A loop that remembers what it was asked."""

    what: list[str] = field(default_factory=list)

    def drain(self) -> None:
        self.what.append("drain")

    def leave(self) -> None:
        self.what.append("leave")


@pytest.mark.parametrize("signum", KINDS)
def test_outside_the_loop_a_signal_raises(signum: signal.Signals) -> None:
    signals = StopSignals()
    with signals.installed(), pytest.raises(Stopped, match=signum.name) as caught:
        signal.raise_signal(signum)
    assert (caught.value.signum, signals.signum) == (signum, signum)


@pytest.mark.parametrize("signum", KINDS)
def test_the_first_drains_the_second_leaves_the_third_raises(signum: signal.Signals) -> None:
    asked, said = Asked(), []
    signals = StopSignals(on_drain=said.append)
    with signals.installed(), signals.draining(asked):
        signal.raise_signal(signum)
        assert (asked.what, said) == (["drain"], [signum])
        signal.raise_signal(signal.SIGINT)
        assert asked.what == ["drain", "leave"]
        with pytest.raises(Stopped):
            signal.raise_signal(signum)
    assert (signals.signum, said) == (signum, [signum])


def test_a_cancelled_job_is_left_at_once() -> None:
    asked = Asked()
    signals = StopSignals(is_urgent=lambda: True)
    with signals.installed(), signals.draining(asked):
        signal.raise_signal(signal.SIGTERM)
    assert asked.what == ["leave"]


@pytest.mark.parametrize("signum", KINDS)
def test_handlers_are_put_back(signum: signal.Signals) -> None:
    before = signal.getsignal(signum)
    with StopSignals().installed():
        assert signal.getsignal(signum) != before
    assert signal.getsignal(signum) == before


def test_another_thread_takes_no_signals() -> None:
    before, seen = signal.getsignal(signal.SIGTERM), []

    def run() -> None:
        with StopSignals().installed():
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert seen == [before]


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
    before = [signal.getsignal(number) for number in KINDS]
    with pytest.raises(ValueError, match="in the step"), deferred_interrupts():
        raise ValueError("in the step")
    assert [signal.getsignal(number) for number in KINDS] == before


@pytest.mark.parametrize("n_calls", [1, 2, 4, 5, 6])
def test_a_signal_between_two_handlers_leaves_none_behind(n_calls: int, monkeypatch: pytest.MonkeyPatch) -> None:
    # after one or two of three handlers are replaced, or after one, two or all of them are put back
    replace, replaced = signal.signal, []

    def replace_and_be_interrupted(number: int, handler: Any) -> Any:
        before = replace(number, handler)
        replaced.append(number)
        if len(replaced) == n_calls:
            signal.raise_signal(next(kind for kind in KINDS if signal.getsignal(kind) == signals._arrived))
        return before

    signals = StopSignals()
    with signals.installed():
        before = [signal.getsignal(number) for number in KINDS]
        monkeypatch.setattr(signal, "signal", replace_and_be_interrupted)
        with pytest.raises(Stopped), deferred_interrupts():
            signal.raise_signal(signal.SIGINT)
        monkeypatch.undo()
        assert [signal.getsignal(number) for number in KINDS] == before


def test_other_threads_hold_nothing_back() -> None:
    found = []

    def run() -> None:
        with deferred_interrupts():
            found.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert found == [signal.getsignal(signal.SIGINT)]
