import pytest

from arraymill.jobs.report.intervals import covered_s


@pytest.mark.parametrize(
    ("intervals", "seconds"),
    [([], 0), ([(1, 2)], 1), ([(0, 4), (1, 2)], 4), ([(3, 4), (0, 1)], 2), ([(0, 1), (1, 2)], 2)],
)
def test_what_is_covered_twice_counts_once(intervals, seconds):
    assert covered_s(intervals) == seconds
