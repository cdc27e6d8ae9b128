"""zeros, ones and full are NumPy's, however the array is cut; what a dtype does not hold is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from in_process_jobs import ShuffledSession, plan_arrays, run_arrays
from operation_contract import CODES

from arraymill.jobs import run
from arraymill.jobs.errors import SpecError

SHAPES = ((), (0,), (3, 0), (1,), (7,), (5, 3), (2, 3, 4), (300, 70))


@pytest.mark.parametrize("backend", ["numpy", "torch-cpu"])
@settings(max_examples=40)
@given(
    name=st.sampled_from(("zeros", "ones")),
    shape=st.sampled_from(SHAPES),
    code=st.sampled_from(CODES),
    block_bytes=st.sampled_from((None, 1, 30, 1000)),
)
def test_zeros_and_ones_are_numpys(name: str, backend: Any, shape: Any, code: str, block_bytes: int | None) -> None:
    block_bytes = None if shape == (300, 70) else block_bytes
    session = ShuffledSession(seed=1, n_workers=2)
    params = {"shape": shape, "dtype": code}
    result = run_arrays(name, [], params, backend=backend, block_bytes=block_bytes, session=session)
    expected = getattr(np, name)(shape, code)
    np.testing.assert_array_equal(result, expected, strict=True)


@pytest.mark.parametrize(
    "value",
    [
        0,
        7,
        -3,
        2.5,
        True,
        float("nan"),
        float("inf"),
        1 + 2j,
        np.float32(0.1),
        np.int8(4),
        np.complex64(1j),
        np.True_,
        2**63,
    ],
)
def test_the_dtype_of_full_is_that_of_its_value(value: Any) -> None:
    expected = np.full((3, 2), value)
    np.testing.assert_array_equal(run("full", shape=(3, 2), value=value), expected, strict=True)


@pytest.mark.parametrize(
    ("text", "value"),
    [("3", 3), ("0.5", 0.5), ("-1e3", -1e3), ("nan", np.nan), ("true", True), ("1+2j", 1 + 2j), ("-inf", -np.inf)],
)
def test_values_are_read_as_a_command_line_gives_them(text: str, value: Any) -> None:
    np.testing.assert_array_equal(run("full", shape=["2"], value=text), np.full(2, value), strict=True)


@pytest.mark.parametrize(
    ("value", "dtype"), [(300, "uint8"), (-1, "uint8"), (float("nan"), "int32"), (1 + 2j, "float64"), ("many", None)]
)
def test_what_a_dtype_does_not_hold_is_refused(value: Any, dtype: str | None) -> None:
    with pytest.raises(SpecError):
        plan_arrays("full", [], {"shape": (2,), "value": value, "dtype": dtype})


@pytest.mark.parametrize(
    ("shape", "expected"), [("4", (4,)), ("(4,)", (4,)), ("2, 3", (2, 3)), ("", ()), (4, (4,)), (np.int64(4), (4,))]
)
def test_shapes_are_read_in_every_form(shape: Any, expected: tuple[int, ...]) -> None:
    assert plan_arrays("zeros", [], {"shape": shape}).output.shape == expected


@pytest.mark.parametrize("shape", ["4,x", (-1,), (2.5,), "-3"])
def test_what_is_no_shape_is_refused(shape: Any) -> None:
    with pytest.raises(SpecError, match="shape"):
        plan_arrays("zeros", [], {"shape": shape})


def test_a_terabyte_is_planned_in_little_memory() -> None:
    plan = plan_arrays("ones", [], {"shape": (10**6, 125_000)})
    assert (plan.output.nbytes, plan.read_bytes) == (10**12, 0)
    assert plan.task_host_bytes <= 8 << 20
    assert 1000 < plan.n_blocks < 30_000
