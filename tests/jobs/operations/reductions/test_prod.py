"""Facts of products beyond the contract: float32 that would overflow on the way."""

from __future__ import annotations

import numpy as np
from in_process_jobs import run_arrays


def test_float32_does_not_overflow_on_the_way() -> None:
    x = np.array([1e30, 1e30, 1e-30, 1e-30], "f4")
    assert abs(float(run_arrays("prod", [x])) - 1) <= 8 * 2.0**-24


def test_the_product_of_nothing_is_one() -> None:
    assert run_arrays("prod", [np.zeros((0, 2))], {"axis": 0}).tolist() == [1, 1]
    assert run_arrays("nanprod", [np.array([np.nan, np.nan])]) == 1


def test_integers_wrap() -> None:
    x = np.full(65, 2, "i8")
    assert run_arrays("prod", [x], block_bytes=40) == 0
    assert run_arrays("prod", [np.full(63, 2, "i8")], block_bytes=40) == -(2**63)
