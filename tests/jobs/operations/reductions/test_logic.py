"""Facts of truth beyond the contract: what is true, and of which dtype a count is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from in_process_jobs import run_arrays

TRUE = [np.nan, -0.5, 1e-300, 5e-324]


@pytest.mark.parametrize("backend", ["numpy", "torch-cpu"])
@pytest.mark.parametrize("value", TRUE)
def test_what_is_not_zero_is_true(backend: Any, value: float) -> None:
    assert run_arrays("all", [np.array([value])], backend=backend)
    assert not run_arrays("any", [np.array([0.0, -0.0])], backend=backend)


@pytest.mark.parametrize("backend", ["numpy", "torch-cpu"])
@pytest.mark.parametrize("axis", [None, 0, (0, 1), ()])
def test_counts_are_int64(backend: Any, axis: Any) -> None:
    x = np.eye(3, dtype="u1")
    result = run_arrays("count_nonzero", [x], {"axis": axis}, backend=backend)
    assert result.dtype == np.int64
    assert np.array_equal(result, np.count_nonzero(x, axis=axis))


def test_of_nothing_all_is_true_and_any_false() -> None:
    assert run_arrays("all", [np.zeros(0)])
    assert not run_arrays("any", [np.zeros(0)])
