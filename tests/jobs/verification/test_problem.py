"""Problems: files that cannot be the output are refused; samples are the same each time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from verified_arrays import check, outputs_of, problem_of

from arraymill.jobs.errors import SpecError
from arraymill.jobs.verification.feasible import check_feasible
from arraymill.jobs.verification.problem import choose_regions

X = np.random.default_rng(1).standard_normal((20, 6)).astype("f4")


@pytest.mark.parametrize("made", [np.zeros(5, "f4"), np.zeros((3, 2), "f4"), np.zeros(6, "f2"), np.zeros(6, "i4")])
def test_an_array_of_another_shape_or_dtype_is_refused(made: Any) -> None:
    with pytest.raises(SpecError, match="is not what sum gives"):
        problem_of("sum", (X,), {"axis": 0}, {"": made})


def test_wider_dtypes_and_axes_of_one_place_are_what_text_formats_make() -> None:
    made = outputs_of("sum", (X,), {"axis": 0})[""]
    (finding,) = check("sum", (X,), {"axis": 0}, {"": made.astype("f8").reshape(6, 1)})
    assert finding.is_within_bound


def test_the_same_seed_takes_the_same_samples() -> None:
    first, again, other = (choose_regions((1000, 30), 5, np.random.default_rng(seed), run=60) for seed in (1, 1, 2))
    assert first == again != other
    assert first[0] == ((0, 2), (0, 30))
    assert first[-1] == ((998, 1000), (0, 30))


def test_whether_a_check_can_be_done_is_known_before_anything_is_read() -> None:
    check_feasible(problem_of("median", (X,), {}, {}))
    check_feasible(problem_of("reshape", (X,), {"shape": (-1,), "order": "F"}, {}))
    with pytest.raises(SpecError, match="a line of 120 elements cannot be checked at this size"):
        check_feasible(problem_of("median", (X,), {}, {}, memory_bytes=1000))
