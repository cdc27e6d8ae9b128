"""Facts of products beyond the contract: float32 that would overflow on the way."""

from __future__ import annotations

import numpy as np
import pytest
from in_process_jobs import run_arrays

from arraymill.jobs.engine import BackendKind


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


@pytest.mark.parametrize("backend", ["numpy", "torch-cpu"])
@pytest.mark.parametrize("code", ["f8", "c16"])
@pytest.mark.parametrize("axis", [None, 0, 1])
@pytest.mark.parametrize("block_bytes", [None, 4000])
def test_parts_that_are_too_large_and_too_small_make_up_for_one_another(
    backend: BackendKind, code: str, axis: int | None, block_bytes: int | None
) -> None:
    rng = np.random.default_rng(4)
    x = 2.0 ** rng.uniform(-1000, 1000, (64, 90))
    x = np.concatenate([x, 1 / x], axis=axis or 0)
    got = run_arrays("prod", [x.astype(code)], {"axis": axis}, backend=backend, block_bytes=block_bytes)
    # n divisions and n products, complex ones within 3 u each
    assert np.all(np.abs(got - 1) <= 4 * x.size * 2.0**-53)


@pytest.mark.parametrize("backend", ["numpy", "torch-cpu"])
def test_what_does_not_fit_is_infinite_or_zero_and_never_nan(backend: BackendKind) -> None:
    for values, want in (([1e300] * 9, np.inf), ([-1e300] * 9, -np.inf), ([1e-300] * 9, 0.0), ([0.0, 1e300, 1e300], 0)):
        x = np.array(values)
        assert run_arrays("prod", [x], backend=backend) == want
        assert run_arrays("prod", [x], backend=backend, block_bytes=16) == want
    x = np.array([np.inf, 1e300, -2.0])
    assert run_arrays("prod", [x], backend=backend) == -np.inf
    assert np.isnan(run_arrays("prod", [np.array([np.inf, 0.0])], backend=backend, block_bytes=8))
    assert run_arrays("prod", [np.array([5e-324, 2.0**1000, 2.0**74])], backend=backend, block_bytes=8) == 1
