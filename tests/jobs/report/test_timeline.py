import re
from itertools import pairwise

import pytest
from stored_jobs import START_S, block_record

from arraymill.jobs.engine import BlockRecord
from arraymill.jobs.report.axis import Stretch, WorkAxis
from arraymill.jobs.report.drawing import LEFT, PLOT_WIDTH
from arraymill.jobs.report.timeline import MOST_BARS, MOST_LANES, timeline_of


def record(block, **fields):
    return BlockRecord.from_json(block_record(block, **fields))


def axis_of(seconds):
    return WorkAxis((Stretch(1, START_S, START_S + seconds),))


def boxes(shape):
    """Return (x, y, width, height) of the rectangles of a path."""
    found = re.findall(r"M([\d.]+) ([\d.]+)h([\d.]+)v([\d.]+)h-[\d.]+z", shape.path)
    return [tuple(map(float, box)) for box in found]


def test_a_bar_stands_where_its_block_ran_and_its_height_is_shared_by_the_steps():
    timeline = timeline_of([record(1)], [], axis_of(10.0))
    ((bar,),) = (lane.bars for lane in timeline.lanes)
    assert [shape.kind for shape in bar.shapes] == ["read", "compute", "write"] == list(timeline.kinds)
    (left, _, width, height), *_ = boxes(bar.shapes[0])
    assert left == pytest.approx(LEFT + 0.2 * PLOT_WIDTH, abs=0.1)
    assert width == pytest.approx(0.1 * PLOT_WIDTH, abs=1.0)
    assert height == pytest.approx(0.7 * 30.0, abs=0.1)
    assert bar.title == (
        "block 1: 1.0 s from 2.0 s on, process 4242; reading 700 ms, computing 200 ms, writing 100 ms; "
        "800 kB read, 80.0 kB written"
    )


def test_a_gap_between_blocks_is_seen():
    timeline = timeline_of([record(0), record(4)], [], axis_of(10.0))
    (first, second) = (boxes(bar.shapes[0])[0] for bar in timeline.lanes[0].bars)
    assert second[0] - (first[0] + first[2]) == pytest.approx(0.3 * PLOT_WIDTH, abs=1.0)


def test_a_block_that_needed_more_than_one_attempt_is_marked():
    timeline = timeline_of([record(0), record(1, attempt=2), record(2, n_splits=1)], [], axis_of(10.0))
    marked = ["again" in [shape.kind for shape in bar.shapes] for bar in timeline.lanes[0].bars]
    assert marked == [False, True, True]
    assert [bar.title[:27] for bar in timeline.lanes[0].bars[1:]] == [
        "block 1, attempt 2: 1.0 s f",
        "block 2, in parts of 1/2: 1",
    ]


def test_what_went_wrong_is_marked_above_the_lanes():
    events = [{"kind": "epoch", "at_s": START_S}, {"kind": "death", "at_s": START_S + 5.0, "block": 3, "message": "x"}]
    (mark,) = timeline_of([record(0)], events, axis_of(10.0)).marks
    assert mark.title == "worker died of block 3 at 5.0 s"


def test_an_attempt_after_the_first_is_marked():
    axis = WorkAxis((Stretch(1, START_S, START_S + 5.0), Stretch(2, START_S + 900.0, START_S + 905.0)))
    timeline = timeline_of([record(0), record(1, started_s=START_S + 901.0)], [], axis)
    (begin,) = timeline.begins
    assert (float(begin.at), begin.label) == (LEFT + PLOT_WIDTH / 2, "attempt 2")


def test_labels_of_many_attempts_do_not_lie_on_one_another():
    axis = WorkAxis(tuple(Stretch(n, START_S + 100 * n, START_S + 100 * n + 1) for n in range(1, 202)))
    begins = timeline_of([record(0)], [], axis).begins
    labelled = [float(begin.at) for begin in begins if begin.label]
    assert len(begins) == 200
    assert min(after - before for before, after in pairwise(labelled)) >= 70.0


def test_many_blocks_are_told_in_equal_parts_as_high_as_the_worker_was_busy():
    n = MOST_BARS + 1
    records = [record(k, started_s=START_S + k, wall_s=0.5, seconds={"read": 0.5}) for k in range(n)]
    timeline = timeline_of(records, [], axis_of(float(n)))
    assert timeline.is_binned
    ((shape,),) = (bar.shapes for bar in timeline.lanes[0].bars)
    heights = [height for *_, height in boxes(shape)]
    assert sum(heights) / len(heights) == pytest.approx(15.0, abs=0.1)


def test_as_many_blocks_as_bars_are_bars():
    records = [record(k) for k in range(MOST_BARS)]
    assert not timeline_of(records, [], axis_of(MOST_BARS + 1.0)).is_binned


def test_lanes_beyond_the_most_are_counted():
    records = [record(k, pid=k, started_s=START_S) for k in range(MOST_LANES + 3)]
    timeline = timeline_of(records, [], axis_of(2.0))
    assert (len(timeline.lanes), timeline.n_hidden) == (MOST_LANES, 3)


def test_of_low_lanes_every_other_has_a_label():
    records = [record(k, pid=k, started_s=START_S) for k in range(30)]
    assert [lane.label for lane in timeline_of(records, [], axis_of(2.0)).lanes][:3] == ["pid 0", "", "pid 2"]


def test_blocks_that_took_no_time_are_drawn():
    records = [record(k, started_s=START_S, wall_s=0.0, seconds={}) for k in range(MOST_BARS + 1)]
    assert timeline_of(records, [], axis_of(0.0)).ticks[0].label == "0"
    assert timeline_of(records[:2], [], axis_of(0.0)).lanes
