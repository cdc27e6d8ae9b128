import pytest

from arraymill.jobs.report.ticks import rate_ticks, time_ticks


@pytest.mark.parametrize("total_s", [0.0004, 0.3, 7.0, 61.0, 5000.0, 1e5, 3e6, 1e9])
def test_times_are_a_few_and_within_the_axis(total_s):
    ticks = time_ticks(total_s)
    assert 1 <= len(ticks) <= 9
    assert [at for at, _ in ticks] == sorted({at for at, _ in ticks})
    assert ticks[-1][0] <= total_s * (1 + 1e-9)


def test_times_are_said_shortly():
    assert [label for _, label in time_ticks(3600.0)][:3] == ["0", "10 min", "20 min"]
    assert [label for _, label in time_ticks(0.9)][:3] == ["0", "200 ms", "400 ms"]


@pytest.mark.parametrize("most", [1e-3, 1.0, 4e8, 5e8, 5.1e8, 4.0000000001, 7e12])
def test_the_last_rate_is_not_below_the_largest(most):
    ticks = rate_ticks(most)
    assert 1 <= len(ticks) <= 4
    assert ticks[-1][0] >= most * (1 - 1e-9)


def test_of_no_rate_there_are_none():
    assert rate_ticks(0.0) == []
