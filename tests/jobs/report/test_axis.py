import pytest
from stored_jobs import START_S, block_record

from arraymill.jobs.engine import BlockRecord
from arraymill.jobs.report.axis import WorkAxis, work_axis
from arraymill.jobs.store import JobState

DAY_S = 86_400.0


def record(block, started_s, wall_s=1.0):
    return BlockRecord.from_json(block_record(block, started_s=started_s, wall_s=wall_s))


def epoch(number, at_s, **fields):
    return {"kind": "epoch", "epoch": number, "at_s": at_s} | fields


def test_one_attempt_is_as_long_as_the_job():
    state = JobState("DONE", started_s=START_S, ended_s=START_S + 10.0)
    axis = work_axis([record(0, START_S + 3.0)], [epoch(1, START_S + 1.0)], state)
    assert [(s.number, s.start_s, s.end_s) for s in axis.stretches] == [(1, START_S, START_S + 10.0)]
    assert axis.at(START_S + 3.0) == 3.0


def test_the_days_between_two_attempts_are_left_out():
    later = START_S + DAY_S
    events = [epoch(1, START_S), {"kind": "stale", "at_s": later - 0.2, "block": 0}, epoch(2, later + 0.5)]
    state = JobState("DONE", started_s=later, ended_s=later + 5.0)
    axis = work_axis([record(0, START_S + 1.0), record(1, later + 2.0)], events, state)
    assert [(s.number, round(s.seconds, 3)) for s in axis.stretches] == [(1, 2.0), (2, 5.0)]
    assert axis.places([START_S + 1.0, START_S + 3600.0, later + 2.0]) == [1.0, 2.0, 4.0]


def test_an_attempt_that_did_not_get_as_far_as_blocks_counts():
    events = [epoch(1, START_S)]
    state = JobState("FAILED", started_s=START_S + DAY_S, ended_s=START_S + DAY_S + 1.0)
    assert [s.seconds for s in work_axis([record(0, START_S)], events, state).stretches] == [1.0, 1.0]


def test_the_attempts_of_steps_are_part_of_the_attempt_at_the_job():
    events = [epoch(1, START_S), epoch(1, START_S + 2.0, step="mean"), epoch(1, START_S + 4.0, step="cov")]
    assert len(work_axis([record(0, START_S + 3.0)], events, JobState("RUNNING")).stretches) == 1


def test_to_cancel_a_job_long_after_its_last_block_adds_nothing():
    state = JobState("CANCELLED", started_s=START_S, ended_s=START_S + DAY_S)
    assert work_axis([record(0, START_S + 1.0)], [epoch(1, START_S)], state).total_s == 2.0


def test_a_block_that_ends_after_the_next_attempt_began_stays_in_its_own():
    events = [epoch(1, START_S), epoch(2, START_S + 5.0)]
    axis = work_axis([record(0, START_S + 4.0, 3.0), record(1, START_S + 6.0)], events, JobState("RUNNING"))
    assert [s.seconds for s in axis.stretches] == [5.0, 2.0]


@pytest.mark.parametrize("moment", [START_S - 99.0, START_S + 99.0])
def test_a_clock_that_was_set_leads_to_no_place_off_the_axis(moment):
    axis = work_axis([record(0, START_S)], [], JobState("RUNNING"))
    assert 0.0 <= axis.at(moment) <= axis.total_s


def test_of_a_job_that_did_nothing_there_is_no_time():
    assert work_axis([], [], JobState("PENDING")) == WorkAxis(())
