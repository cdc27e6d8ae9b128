"""Facts of tries, with a clock that is told what time it is."""

from __future__ import annotations

import pytest

from arraymill.jobs.gauges.tries import Slices, best_of, best_rate, crew


class Clock:
    """Goes on only when it is told."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s

    def work(self, *seconds: float) -> object:
        """Return work of 12 units that takes so long, try after try."""
        left = list(seconds)

        def once() -> float:
            self.now_s += left.pop(0)
            return 12.0

        return once


def test_the_best_try_counts() -> None:
    clock = Clock()
    assert best_rate(clock.work(4.0, 2.0, 6.0), 11.0, clock=clock) == 6.0  # type: ignore[arg-type]


def test_no_try_begins_after_the_slice() -> None:
    clock = Clock()
    best_rate(clock.work(0.4, 0.4, 0.4), 1.0, clock=clock)  # type: ignore[arg-type]
    assert clock.now_s == pytest.approx(101.2)


def test_there_is_one_try_at_least() -> None:
    clock = Clock()
    assert best_rate(clock.work(3.0), 0.0, clock=clock) == 4.0  # type: ignore[arg-type]


def test_what_takes_no_time_has_a_rate() -> None:
    clock = Clock()
    assert best_rate(clock.work(0.0), 0.0, clock=clock) == pytest.approx(12e7)  # type: ignore[arg-type]


def test_preparing_is_not_counted() -> None:
    clock = Clock()

    def prepare() -> None:
        clock.now_s += 50.0

    assert best_rate(clock.work(2.0), 0.0, prepare=prepare, clock=clock) == 6.0  # type: ignore[arg-type]


def test_warm_up_tries_are_made_however_short_the_slice() -> None:
    clock, rates = Clock(), iter([1.0, 3.0, 2.0])
    assert best_of(lambda: next(rates), 0.0, n_least=3, clock=clock) == 3.0


def test_slices_end_with_the_time_of_all() -> None:
    clock = Clock()
    slices, dealt = Slices(1.0, clock=clock), []
    for _ in range(4):
        dealt.append(slices.next_s(0.4))
        clock.now_s += 0.4
    assert dealt == pytest.approx([0.4, 0.4, 0.2, 0.0])
    assert slices.spent_s() == pytest.approx(1.6)


def test_what_goes_wrong_in_one_thread_is_raised() -> None:
    def fail(number: int) -> float:
        raise OSError("no")

    with pytest.raises(OSError, match="no"), crew(2) as together:
        together(fail)
