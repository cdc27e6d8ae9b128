from stored_jobs import START_S

from arraymill.jobs.report.axis import Stretch, WorkAxis
from arraymill.jobs.report.troubles import troubles_of

AXIS = WorkAxis((Stretch(1, START_S, START_S + 10.0),))


def test_every_kind_of_trouble_has_its_reason():
    events = [
        {"kind": "death", "at_s": START_S + 1.0, "block": 3, "why": "killed", "message": "signal 9"},
        {"kind": "stale", "at_s": START_S + 2.0, "block": 4, "reason": "x.npy has changed"},
        {"kind": "corrupt", "at_s": START_S + 3.0, "block": 5, "cause": "its stored partial cannot be read"},
        {"kind": "timeout", "at_s": START_S + 4.0, "message": "no block"},
    ]
    found = [(trouble.when, trouble.block, trouble.reason) for trouble in troubles_of(events, AXIS)]
    assert found == [
        ("1.0 s", "3", "signal 9"),
        ("2.0 s", "4", "x.npy has changed"),
        ("3.0 s", "5", "its stored partial cannot be read"),
        ("4.0 s", "", "no block"),
    ]


def test_the_step_is_named():
    (trouble,) = troubles_of([{"kind": "retry", "at_s": START_S, "step": "mean", "block": 0}], AXIS)
    assert trouble.what == "mean: tried again"


def test_what_is_no_trouble_is_passed_over():
    events = [{"kind": kind, "at_s": START_S} for kind in ("epoch", "output", "verified", "committed", "later")]
    assert troubles_of(events, AXIS) == ()


def test_a_moment_that_is_not_known_is_left_open():
    assert [trouble.when for trouble in troubles_of([{"kind": "hole"}], AXIS)] == [""]
    assert [trouble.when for trouble in troubles_of([{"kind": "hole", "at_s": 3.0}], WorkAxis(()))] == [""]
