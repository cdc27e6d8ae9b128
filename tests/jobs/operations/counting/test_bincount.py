"""The contract of bincount: NumPy's counts, of a length that is known before the array is read."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from in_process_jobs import ShuffledSession, run_arrays
from operation_contract import LAYOUTS, byte_orders, draw_values, lay_out, shapes

from arraymill.jobs.errors import CannotFitError, InputUnsupportedError, SpecError


@pytest.mark.parametrize("backend", ["numpy", "torch-cpu"])
@settings(max_examples=60)
@given(
    shapes,
    st.sampled_from(("?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8")),
    st.sampled_from(LAYOUTS),
    byte_orders,
    st.sampled_from((None, 5, 33)),
)
def test_bincount_is_numpys(backend: Any, shape: Any, code: str, layout: str, order: Any, n_blocks: int | None) -> None:
    x = draw_values(shape, code, 2)
    x = x if code == "?" else np.asarray(np.abs(x)).astype(code)
    params = {} if x.itemsize <= 2 else {"length": 9}
    length = {"?": 2, "i1": 128, "i2": 1 << 15, "u1": 256, "u2": 1 << 16}.get(code, 9)
    got = run_arrays(
        "bincount",
        [lay_out(x, layout, order)],
        params,
        backend=backend,
        block_bytes=n_blocks and max(x.nbytes // n_blocks, 1),
        session=ShuffledSession(seed=1, n_workers=2),
    )
    want = np.bincount(x.reshape(-1), minlength=length)
    assert (got.dtype, got.shape) == (want.dtype, (length,))
    np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("backend", ["numpy", "torch-cpu"])
@pytest.mark.parametrize(
    ("worst", "way_out"), [(-1, "histogram"), (50, "--length 51"), (2**40, f"--length {2**40 + 1}")]
)
def test_what_is_not_counted_is_named_when_all_is_known(backend: Any, worst: int, way_out: str) -> None:
    x = np.arange(30)
    x[17] = worst
    with pytest.raises(SpecError, match=f"{min(worst, 0)} to {max(worst, 29)}") as caught:
        run_arrays("bincount", [x], {"length": 40}, backend=backend, block_bytes=80)
    assert way_out in caught.value.next


@pytest.mark.parametrize("backend", ["numpy", "torch-cpu"])
def test_what_int64_does_not_hold_is_not_taken_for_negative(backend: Any) -> None:
    with pytest.raises(SpecError, match=f"the elements are 1 to {2**63 - 1}"):
        run_arrays("bincount", [np.array([1, 2**64 - 1], "u8")], {"length": 5}, backend=backend)


def test_a_length_is_asked_for_where_the_dtype_does_not_say_it() -> None:
    with pytest.raises(SpecError, match="a length is needed for int32"):
        run_arrays("bincount", [np.arange(3, dtype="i4")])
    with pytest.raises(CannotFitError):
        run_arrays("bincount", [np.arange(3)], {"length": 10**12})


@pytest.mark.parametrize("code", ["f4", "c8"])
def test_numbers_that_are_no_indices_are_refused(code: str) -> None:
    with pytest.raises(InputUnsupportedError):
        run_arrays("bincount", [np.ones(3, code)], {"length": 3})


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("code", ["?", "i2", "f4", "f8"])
def test_weights_are_added_in_float64(code: str, order: Any) -> None:
    rng = np.random.default_rng(0)
    x = np.asarray(rng.integers(0, 20, (60, 50), np.int16), order=order)
    w = draw_values(x.shape, code, 2)
    for block_bytes in (None, 999):
        got = run_arrays("bincount", [x, np.asarray(w, order=order)], {"length": 30}, block_bytes=block_bytes)
        want = np.bincount(x.reshape(-1), w.reshape(-1).astype(np.float64), 30)
        assert got.dtype == np.float64
        np.testing.assert_allclose(got, want, rtol=2.0**-44, atol=2.0**-40)
    with pytest.raises(SpecError, match="the elements are 0 to 19"):
        run_arrays("bincount", [x, w], {"length": 10})
