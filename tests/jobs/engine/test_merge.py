"""Facts of merged partials: products of ranges of k are added wide, and rounded once at the end."""

from __future__ import annotations

from typing import Any

import numpy as np
from in_process_jobs import plan_arrays

from arraymill.jobs.engine import finish, merge


def test_parts_of_a_product_are_added_in_float64() -> None:
    a = np.ones((1, 100_000), "f4")
    stage: Any = plan_arrays("matmul", [a, a.T], block_bytes=4000).stage
    merged = merge(stage, (np.array([[1.0]]),), (np.array([[2.0**-40]]),))
    assert merged[0].tolist() == [[1 + 2.0**-40]]
    assert finish(stage, merged, ((0, 1), (0, 1))).dtype == np.float32


def test_integers_wrap_without_a_warning() -> None:
    a = np.ones((2, 2), "i8")
    stage: Any = plan_arrays("matmul", [a, a]).stage
    big = np.full((2, 2), 2**63 - 1)
    assert (merge(stage, (big,), (np.ones((2, 2), "i8"),))[0] == -(2**63)).all()


def test_a_reduction_merges_by_its_kernel() -> None:
    stage: Any = plan_arrays("max", [np.ones(3)]).stage
    merged = merge(stage, (np.array([1.0]),), (np.array([5.0]),))
    assert finish(stage, merged, ()).tolist() == 5.0
