"""What is promised of hard inputs holds, and docs/accuracy.md says of each what came out."""

from __future__ import annotations

import pytest
from benchmarks.accuracy import CASES, PAGE
from benchmarks.hard.case import HardCase, measure
from source_tree import ROOT

LINES = {line.split(" | ")[0].removeprefix("| "): line for line in PAGE.read_text(encoding="utf-8").splitlines()}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_promise_is_kept(case: HardCase) -> None:
    measured = measure(case, quick=True)
    # what is known not to hold is said to; once it holds, the page has to say that
    assert measured.holds == (not case.breaks), measured
    assert all(error is not None and error >= 0 for name, error in measured.errors.items() if name in case.answers)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_page_says_what_came_out(case: HardCase) -> None:
    line = LINES[case.name]
    assert case.promise in line
    assert line.endswith(f"| **no**: {case.breaks} |" if case.breaks else "| yes |")


def test_the_page_has_no_other_case() -> None:
    rows = [line for line in LINES.values() if line.startswith("| ") and not line.startswith("| case")]
    assert len(rows) == len(CASES)


def test_the_page_says_how_it_was_made() -> None:
    assert "python -m benchmarks.accuracy" in PAGE.read_text(encoding="utf-8")
    assert PAGE == ROOT / "docs" / "accuracy.md"
