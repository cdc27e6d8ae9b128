"""Tests of jobs/operations/distances/inputs.py."""

from __future__ import annotations

import numpy as np
import pytest

from arraymill.jobs.errors import InputUnsupportedError, SpecError
from arraymill.jobs.headers import ArrayHeader
from arraymill.jobs.operations.distances.inputs import check_rows, distance_dtype


@pytest.mark.parametrize(
    ("codes", "dtype"),
    [("ff", "f4"), ("fe", "f4"), ("ee", "f4"), ("fd", "f8"), ("fi", "f8"), ("??", "f8"), ("qQ", "f8")],
)
def test_distances_are_float32_only_of_float32(codes: str, dtype: str) -> None:
    assert distance_dtype(*map(np.dtype, codes)) == dtype


def test_what_are_no_points_is_refused() -> None:
    a = ArrayHeader("a.npy", (3, 4), np.dtype("f8"))
    for shape in ((3,), (3, 5), (2, 3, 4), ()):
        with pytest.raises(SpecError, match="two matrices of as many columns"):
            check_rows((a, ArrayHeader("b.npy", shape, np.dtype("f8"))), what="cdist")
    with pytest.raises(InputUnsupportedError, match="complex"):
        check_rows((a, ArrayHeader("b.npy", (3, 4), np.dtype("c8"))), what="cdist")
