import sys
from contextlib import ExitStack

import pytest

from arraymill.jobs.cli import progress
from arraymill.jobs.cli.progress import progress_lines, show_progress
from arraymill.jobs.runner import Progress


class Clock:
    """A clock that the test sets."""

    now = 0.0

    def __call__(self):
        return self.now


def lines_of(times, dones, n_blocks=100):
    lines, clock = [], Clock()
    on_progress = progress_lines("job", lines.append, clock)
    for clock.now, done in zip(times, dones, strict=True):
        on_progress(Progress(done, n_blocks, done * 1000))
    return lines


def test_a_line_every_tenth():
    lines = lines_of([1.0 * n for n in range(1, 101)], range(1, 101))
    assert [line.split(" of ")[0] for line in lines] == [f"job: {n}" for n in range(10, 101, 10)]


def test_a_line_every_30_s():
    lines = lines_of([40.0, 50.0, 75.0], [1, 2, 3])
    assert [line.split(" of ")[0] for line in lines] == ["job: 1", "job: 3"]


def test_short_jobs_need_no_line():
    assert lines_of([0.001 * n for n in range(1, 101)], range(1, 101)) == []


def test_first_block_has_no_rate_and_the_start_counts_for_none():
    lines = lines_of([1000.0, 1010.0], [50, 60])
    assert lines == [
        "job: 50 of 100 blocks (50 %), 50.0 kB",
        "job: 60 of 100 blocks (60 %), 60.0 kB, 1.00 kB/s, 40.0 s left",
    ]


def test_one_block_is_enough():
    assert lines_of([5.0], [1], n_blocks=1) == ["job: 1 of 1 blocks (100 %), 1.00 kB"]


def test_bar_is_drawn_on_a_terminal_and_leaves_nothing(monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    with show_progress("[job]") as display:
        display.begin()
        display.on_progress(Progress(1, 2, 1000))
        display.on_progress(Progress(2, 2, 2000, 2000, 0, {"read": 3.0, "compute": 1.0}, retries=1))
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "[job]" in shown.err


@pytest.mark.parametrize(("after_s", "is_drawn"), [(0.5, False), (1.5, True)])
def test_bar_of_a_job_that_is_over_in_a_moment_is_not_drawn(monkeypatch, capsys, after_s, is_drawn):
    clock = Clock()
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    with ExitStack() as stack:
        display = progress._bar_in_time("job", stack, clock)
        clock.now = after_s
        display.on_progress(Progress(1, 2, 1000))
    assert ("job" in capsys.readouterr().err) is is_drawn


def test_lines_name_the_slowest_stage_and_what_went_wrong():
    lines, clock = [], Clock()
    on_progress = progress_lines("job", lines.append, clock)
    clock.now = 5.0
    on_progress(Progress(1, 2, 1000, 1000, 0, {"read": 3.0, "compute": 1.0}, retries=2, deaths=1))
    assert lines == ["job: 1 of 2 blocks (50 %), 1.00 kB, 75 % of it reading, 2 retries, 1 worker died"]
