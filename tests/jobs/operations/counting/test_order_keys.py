"""Facts of keys: they are in the order of the numbers, and can be turned back."""

from __future__ import annotations

import array_api_compat.torch as xp
import numpy as np
import pytest
from operation_contract import draw_values

from arraymill.jobs.operations.counting.order_keys import from_keys, key_bits, order_keys, torch_keys

DTYPES = [np.dtype(code) for code in ("?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8")]


def numbers(dtype: np.dtype[np.generic]) -> np.ndarray:
    """Return numbers of any bits: of floats infinities, zeros of both signs, NaN of any sign and payload."""
    if dtype.kind == "b":
        return draw_values((50,), "?", 1)
    x = np.random.default_rng(1).integers(0, 256, 999 * dtype.itemsize, np.uint8).view(dtype)
    if dtype.kind == "f":
        x[:8] = [np.nan, -np.nan, np.inf, -np.inf, 0.0, -0.0, np.finfo(dtype).max, np.finfo(dtype).smallest_subnormal]
    return x


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_sorted_keys_are_sorted_numbers(dtype: np.dtype[np.generic]) -> None:
    x = numbers(dtype)
    keys = np.sort(order_keys(x))
    assert (keys.dtype.kind, 8 * keys.itemsize) == ("b" if dtype.kind == "?" else "u", key_bits(dtype))
    np.testing.assert_array_equal(from_keys(keys.astype(np.uint64), dtype), np.sort(x))


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_keys_of_torch_are_the_same(dtype: np.dtype[np.generic]) -> None:
    keys = order_keys(numbers(dtype)).astype(np.uint64)
    if dtype.itemsize == 8:
        keys ^= np.uint64(1 << 63)
    assert torch_keys(xp, xp.from_numpy(numbers(dtype))).tolist() == keys.view(np.int64).tolist()


def test_zero_is_above_negative_zero_and_all_nan_are_one() -> None:
    low, high = order_keys(np.array([-0.0, 0.0])).tolist()
    assert high == low + 1
    assert set(order_keys(np.array([np.nan, -np.nan])).tolist()) == {2**64 - 1}
