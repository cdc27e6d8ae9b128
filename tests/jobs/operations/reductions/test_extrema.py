"""Facts of extrema beyond the contract: differences in the dtype of the elements, and their order on torch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from in_process_jobs import plan_arrays, run_arrays

from arraymill.jobs.errors import SpecError


@pytest.mark.parametrize("backend", ["numpy", "torch-cpu"])
def test_a_range_wraps_in_its_own_dtype_as_numpys(backend: Any) -> None:
    x = np.array([-128, 127], "i1")
    result = run_arrays("ptp", [x], backend=backend, block_bytes=1)
    assert (result.tolist(), result.dtype.name) == (np.ptp(x).tolist(), "int8")


def test_booleans_have_no_range() -> None:
    with pytest.raises(SpecError, match="ptp"):
        plan_arrays("ptp", [np.array([True, False])])


@pytest.mark.parametrize("code", ["?", "u2", "u4", "f2"])
def test_dtypes_without_an_order_on_torch_come_back_as_they_were(code: str) -> None:
    x = np.array([0, 1, 1], code)
    result = run_arrays("max", [x], backend="torch-cpu")
    assert (result.tolist(), result.dtype) == (1, np.dtype(code))
