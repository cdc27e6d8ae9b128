from hypothesis import given
from hypothesis import strategies as st

from arraymill.jobs.engine import BlockRecord
from arraymill.jobs.report.lanes import lanes_of


def record(block, pid, start_s, wall_s):
    return BlockRecord(block, pid, start_s, wall_s, 0, 0, 0)


def blocks_of(records):
    return [[one.block for one in lane.records] for lane in lanes_of(records)]


def test_a_worker_is_a_lane():
    records = [record(0, 7, 0.0, 1.0), record(1, 8, 0.0, 2.0), record(2, 7, 1.0, 1.0)]
    assert blocks_of(records) == [[0, 2], [1]]


def test_a_process_that_runs_two_blocks_at_a_time_has_two_lanes():
    assert blocks_of([record(0, 7, 0.0, 2.0), record(1, 7, 1.0, 2.0)]) == [[0], [1]]


def test_a_worker_that_replaces_another_goes_on_with_its_lane():
    lanes = lanes_of([record(0, 7, 0.0, 1.0), record(1, 8, 0.0, 9.0), record(2, 9, 2.0, 1.0)])
    assert [lane.pids for lane in lanes] == [(7, 9), (8,)]


def test_of_no_blocks_there_is_no_lane():
    assert lanes_of([]) == ()


_RECORDS = st.lists(st.tuples(st.integers(1, 4), st.integers(0, 30), st.integers(1, 9)), max_size=40)


@given(_RECORDS)
def test_no_block_is_lost_and_none_overlaps_another_in_its_lane(drawn):
    records = [record(block, pid, float(start), float(wall)) for block, (pid, start, wall) in enumerate(drawn)]
    lanes = lanes_of(records)
    assert sorted(one.block for lane in lanes for one in lane.records) == list(range(len(records)))
    for lane in lanes:
        for before, after in zip(lane.records, lane.records[1:], strict=False):
            assert before.started_s + before.wall_s <= after.started_s
