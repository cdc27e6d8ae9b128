import pytest

from arraymill.jobs.engine import BlockRecord
from arraymill.jobs.report.told_time import told_time, visible_steps


def record(wall_s, **seconds):
    return BlockRecord(0, 1, 0.0, wall_s, 0, 0, 0, seconds)


@pytest.mark.parametrize("seconds", [{}, {"read": 0.25}, {"read": 0.5, "write": 0.5}, {"read": 2.0, "compute": 3.0}])
def test_a_block_has_no_more_time_than_it_took(seconds):
    assert sum(told_time(record(1.0, **seconds)).values()) == pytest.approx(1.0)


def test_a_step_that_took_next_to_nothing_is_not_shown():
    assert visible_steps([record(1.0, read=0.7, to_device=0.001, compute=0.299)]) == ("read", "compute")


def test_what_no_step_took_is_shown():
    assert visible_steps([record(1.0, read=0.5)]) == ("read", "other")
