"""Facts of deadlines: how long a block may take."""

from __future__ import annotations

import pytest

from arraymill.jobs.engine import Running
from arraymill.jobs.runner.deadlines import Deadlines


@pytest.mark.parametrize(
    ("seconds", "limit_s"),
    [([], 600.0), ([0.1], 60.0), ([5.9] * 3, 60.0), ([7.0], 70.0), ([1.0, 100.0, 9.0], 90.0)],
)
def test_ten_times_the_median_and_a_minute_at_least(seconds: list[float], limit_s: float) -> None:
    deadlines = Deadlines(None)
    for wall_s in seconds:
        deadlines.learn(wall_s)
    assert deadlines.limit_s == deadlines.silence_s == limit_s


def test_what_the_user_says_is_the_limit() -> None:
    deadlines = Deadlines(1.5)
    deadlines.learn(100.0)
    assert (deadlines.limit_s, deadlines.silence_s) == (1.5, 60.0)


def test_what_started_before_the_limit_is_overdue() -> None:
    board = [Running(1, 7, 100.0, ""), Running(2, 8, 101.0, "")]
    assert [running.block for running in Deadlines(5.0).overdue(board, 105.5)] == [7]
