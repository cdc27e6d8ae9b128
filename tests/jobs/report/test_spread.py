import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arraymill.jobs.report.spread import spread


def test_an_amount_is_shared_by_the_parts_that_it_lies_in():
    assert spread([0.5], [2.5], [4.0], total=4.0, n_bins=4).tolist() == [1.0, 2.0, 1.0, 0.0]


def test_what_came_about_in_no_time_is_in_one_part():
    found = spread([1.5, 4.0], [1.5, 4.0], [3.0, 2.0], total=4.0, n_bins=4)
    assert found == pytest.approx([0.0, 3.0, 0.0, 2.0])


@pytest.mark.parametrize(("starts", "total"), [([], 1.0), ([0.0], 0.0)])
def test_of_nothing_there_is_nothing(starts, total):
    assert spread(starts, starts, starts, total=total, n_bins=3).tolist() == [0.0, 0.0, 0.0]


@given(st.lists(st.tuples(st.floats(0, 99), st.floats(0, 99), st.integers(0, 1 << 40)), min_size=1, max_size=30))
def test_nothing_is_lost(drawn):
    starts, ends = np.sort([pair[:2] for pair in drawn], axis=1).T
    amounts = [amount for *_, amount in drawn]
    found = spread(starts, ends, amounts, total=100.0, n_bins=7)
    assert found.min() >= 0.0
    # rates are up to 1e6 times the mean rate, and their running sum is rounded at that height
    assert found.sum() == pytest.approx(sum(amounts), rel=1e-6, abs=1e-6)
