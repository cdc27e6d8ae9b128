import pytest
from stored_jobs import START_S, block_record

from arraymill.jobs.engine import BlockRecord
from arraymill.jobs.report.axis import Stretch, WorkAxis
from arraymill.jobs.report.throughput import throughput_of

AXIS = WorkAxis((Stretch(1, START_S, START_S + 10.0),))


def record(block, **fields):
    return BlockRecord.from_json(block_record(block, **fields))


def test_the_most_is_the_bytes_of_the_blocks_that_ran_at_once():
    records = [record(0, started_s=START_S + 2.0), record(1, started_s=START_S + 2.0), record(5)]
    drawn = throughput_of(records, AXIS)
    assert drawn.most_per_s == pytest.approx(2 * 880_000)
    assert [area.kind for area in drawn.areas] == ["read", "write"]
    assert drawn.rates[-1].label == "2.00 MB/s"


def test_what_was_written_is_stacked_on_what_was_read():
    drawn = throughput_of([record(0, started_s=START_S, wall_s=10.0, bytes_read=30, bytes_written=10)], AXIS)
    # 4 of 4 B/s are the whole height of 120, from 8 to 128
    assert [area.path for area in drawn.areas] == [
        "M96.0 38.0H976.0V128.0H96.0z",
        "M96.0 8.0H976.0V38.0H96.0z",
    ]


def test_what_only_reads_has_one_area():
    drawn = throughput_of([record(0, bytes_written=0)], AXIS)
    assert [area.kind for area in drawn.areas] == ["read"]


@pytest.mark.parametrize("records", [[], [record(0, bytes_read=0, bytes_written=0)]])
def test_of_a_job_that_moved_nothing_there_is_none(records):
    assert throughput_of(records, AXIS) is None


def test_of_a_job_that_took_no_time_there_is_none():
    assert throughput_of([record(0)], WorkAxis((Stretch(1, START_S, START_S),))) is None
