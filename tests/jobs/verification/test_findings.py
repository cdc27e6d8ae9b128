"""Findings: the worst place, exact or within a bound, NaN and infinities, and the error made of them."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest

from arraymill.jobs.verification import failure_of, to_json
from arraymill.jobs.verification.findings import Finding, compare, merged, offset_by


def compared(found: Any, expected: Any, bound: Any, **kwargs: Any) -> Finding:
    found = np.asarray(found)
    limit = None if bound is None else np.broadcast_to(bound, found.shape)
    return compare(found, np.asarray(expected), limit, output="y.npy", method="NumPy", n_elements=9, **kwargs)


@pytest.mark.parametrize(
    ("found", "expected", "bound", "is_right"),
    [
        ([1.0, math.nan], [1.0, math.nan], 0.0, True),
        ([1.0, 1.0], [1.0, math.nan], 9.0, False),
        ([math.inf], [math.inf], 0.0, True),
        ([-math.inf], [math.inf], 9.0, False),
        ([math.inf], [1e300], 9.0, False),
        (np.array([math.inf], "f4"), [3.5e38], 0.0, True),
        ([1.25], [1.0], 0.3, True),
        ([1.25], [1.0], 0.2, False),
        ([1.25], [1.0], None, False),
        ([3], [3], None, True),
        ([3], [4], None, False),
        ([True], [False], None, False),
    ],
)
def test_verdicts(found: Any, expected: Any, bound: Any, is_right: bool) -> None:
    assert compared(found, expected, bound).is_within_bound is is_right


def test_one_rounding_of_the_outputs_dtype_is_allowed() -> None:
    assert compared(np.array([0.1], "f4"), [0.1], 0.0).is_within_bound
    assert not compared(np.array([0.1], "f8"), [0.1 + 1e-12], 0.0).is_within_bound


def test_the_worst_place_is_named_where_it_is_in_the_output() -> None:
    finding = compared([[1.0, 2.0], [3.0, 9.0]], [[1.0, 2.0], [3.0, 4.0]], 0.5, index_of=offset_by(((10, 12), (5, 7))))
    assert finding.worst is not None
    assert (finding.worst.index, finding.worst.found, finding.worst.expected) == ((11, 6), 9.0, 4.0)


def test_undecided_elements_are_not_counted_as_checked() -> None:
    finding = compared([1.0, 5.0], [1.0, 2.0], [0.1, math.inf])
    assert (finding.n_checked, finding.n_undecided, finding.is_within_bound) == (1, 1, True)
    assert compared([5.0], [2.0], [math.inf]).says_nothing


def test_merged_findings_keep_the_worst() -> None:
    right, wrong = compared([1.0], [1.0], 0.1), compared([1.0], [2.0], 0.1)
    both = merged([right, wrong, right])
    assert (both.n_checked, both.worst, both.is_within_bound) == (3, wrong.worst, False)


def test_a_failure_names_everything() -> None:
    error = failure_of([compared([1.0], [2.0], 0.1)], safe="all", next_step="do it again")
    assert error is not None
    assert (error.exit_code, error.what) == (8, "y.npy[0] is not what NumPy computes")
    assert "found 1.0, expected 2.0: off by 1, and at most 0.1 is allowed" in error.cause
    assert failure_of([compared([1.0], [1.0], 0.1)], safe="", next_step="") is None


def test_documents_hold_what_json_knows() -> None:
    document = to_json(compared([math.nan], [2.0], 0.1))
    assert json.loads(json.dumps(document, allow_nan=False))["found"] == "nan"
    assert (document["ok"], document["index"], document["elements"]) == (False, [0], 9)
