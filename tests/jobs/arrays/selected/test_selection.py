"""Tests of jobs/arrays/selected/selection.py."""

from __future__ import annotations

import pytest

from arraymill.jobs.arrays.selected.selection import Cut, parse_selection
from arraymill.jobs.errors import SpecError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1", (Cut(1, 1, 1, False), Cut(0, 1, 5))),
        ("-1,", (Cut(3, 1, 1, False), Cut(0, 1, 5))),
        (" 1 : 3 , ::-2 ", (Cut(1, 1, 2), Cut(4, -2, 3))),
        ("..., +2", (Cut(0, 1, 4), Cut(2, 1, 1, False))),
        ("...", (Cut(0, 1, 4), Cut(0, 1, 5))),
        ("0, ..., 0", (Cut(0, 1, 1, False), Cut(0, 1, 1, False))),
        ("9:, :-9", (Cut(0, 1, 0), Cut(0, 1, 0))),
    ],
)
def test_selections(text, expected):
    assert parse_selection(text, (4, 5), name="x") == expected


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("4", "index 4 is out of bounds for axis 0 with size 4"),
        (":, -6", "index -6 is out of bounds for axis 1 with size 5"),
        (":, ::0", "a slice has no step of 0"),
        ("0, 0, 0", "3 axes and 0 ellipses are named; there are 2 axes"),
        ("..., ...", "0 axes and 2 ellipses are named; there are 2 axes"),
        ("0, \u0661", "'\u0661' is no integer and no slice"),
        ("1_0", "'1_0' is no integer and no slice"),
        ("", "'' is no integer and no slice"),
        ("__import__('os')", "\"__import__('os')\" is no integer and no slice"),
    ],
)
def test_what_is_wrong_is_said(text, cause):
    with pytest.raises(SpecError) as caught:
        parse_selection(text, (4, 5), name="x")
    assert caught.value.cause == cause
