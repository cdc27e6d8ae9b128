"""Tests of jobs/ranges.py."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from arraymill.jobs.blocks import as_slices
from arraymill.jobs.ranges import range_cover, range_regions


@st.composite
def ranges(draw):
    shape = tuple(draw(st.lists(st.integers(0, 5), max_size=4)))
    size = math.prod(shape)
    start, stop = sorted((draw(st.integers(0, size)), draw(st.integers(0, size))))
    return shape, start, stop


@given(ranges())
def test_regions_are_the_range_in_its_order(case):
    shape, start, stop = case
    numbers = np.arange(math.prod(shape)).reshape(shape)
    regions = list(range_regions(shape, start, stop))
    found = [int(n) for region in regions for n in numbers[(*as_slices(region), ...)].flat]
    assert found == list(range(start, stop))
    assert len(regions) <= max(2 * len(shape) - 1, 1)


@given(ranges())
def test_a_cover_holds_the_range(case):
    shape, start, stop = case
    numbers = np.arange(math.prod(shape)).reshape(shape)
    covered = numbers[(*as_slices(range_cover(shape, start, stop)), ...)]
    assert set(range(start, stop)) <= set(covered.flat)
    if start < stop:
        assert {start, stop - 1} <= set(covered.flat)
    else:
        assert covered.size == 0 or not shape
