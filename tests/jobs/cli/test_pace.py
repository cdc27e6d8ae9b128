from arraymill.jobs.cli.pace import Pace, fault_facts, slowest_stage, stage_shares
from arraymill.jobs.runner import Progress


def test_blocks_of_an_earlier_attempt_have_no_pace():
    times = iter([0.0, 10.0])
    pace = Pace(lambda: next(times))
    pace.describe(Progress(50, 100, 0))
    assert pace.describe(Progress(60, 100, 1000)) == "60 of 100 blocks (60 %), 1.00 kB, 100 B/s, 40.0 s left"


def test_small_steps_in_a_row_make_no_rate():
    times = iter([0.0, 0.01])
    pace = Pace(lambda: next(times))
    pace.describe(Progress(3, 40, 154 * 10**6))
    assert pace.describe(Progress(4, 40, 154 * 10**6 + 500)) == "4 of 40 blocks (10 %), 154 MB"


def test_at_the_end_nothing_is_left():
    times = iter([0.0, 10.0])
    pace = Pace(lambda: next(times))
    pace.describe(Progress(1, 2, 0))
    assert "left" not in pace.describe(Progress(2, 2, 1000))


def test_stages_that_took_nothing_are_not_shown():
    progress = Progress(1, 2, 0, seconds={"to_device": 1e-6, "compute": 1.0})
    assert stage_shares(progress) == [("computing", 1.0 / 1.000001, "1.0 s")]


def test_before_anything_is_measured_no_stage_is_blamed():
    assert slowest_stage(Progress(0, 2, 0)) == ""
    assert fault_facts(Progress(0, 2, 0)) == ""
