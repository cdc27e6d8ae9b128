"""One test per trap: where torch, NumPy or floating point give another answer than the one that is meant."""

from __future__ import annotations

import math
import pickle
from typing import Any

import numpy as np
import pytest
from in_process_jobs import plan_arrays, run_arrays
from numpy.typing import NDArray

from arraymill.jobs.arrays import MemorySource
from arraymill.jobs.engine import BackendKind
from arraymill.jobs.errors import InputUnsupportedError, SpecError

U32, U64 = 2.0**-24, 2.0**-53
BACKENDS: tuple[BackendKind, ...] = ("numpy", "torch-cpu")
KB = 1 << 10

both = pytest.mark.parametrize("backend", BACKENDS)


@both
@pytest.mark.parametrize("name", ["var", "std"])
def test_ddof_is_numpys_0_not_torchs_1(name: str, backend: BackendKind) -> None:
    assert run_arrays(name, [np.array([1.0, 3.0])], backend=backend) == 1.0


@both
@pytest.mark.parametrize("code", ["u2", "u4"])
@pytest.mark.parametrize("name", ["sum", "mean", "min", "max", "std", "argmax"])
def test_unsigned_dtypes_that_torch_cannot_reduce(name: str, code: str, backend: BackendKind) -> None:
    x = np.array([[1, np.iinfo(code).max], [2, 3]], code)
    expected = getattr(np, name)(x, axis=0)
    result = run_arrays(name, [x], {"axis": 0}, backend=backend)
    assert (result.tolist(), result.dtype) == (expected.tolist(), expected.dtype)


@both
@pytest.mark.parametrize("code", ["?", "i1"])
def test_small_dtypes_whose_mean_torch_refuses(code: str, backend: BackendKind) -> None:
    x = np.array([1, 0, 1, 1], code)
    assert run_arrays("mean", [x], backend=backend) == 0.75
    assert run_arrays("argmax", [x], backend=backend) == 0


@both
def test_the_sum_of_uint64_wraps_as_numpys(backend: BackendKind) -> None:
    x = np.array([2**64 - 1, 2], "u8")
    result = run_arrays("sum", [x], backend=backend)
    assert (int(result), result.dtype.name) == (1, "uint64")


@both
@pytest.mark.parametrize("name", ["sum", "prod"])
def test_int64_wraps_as_numpys(name: str, backend: BackendKind) -> None:
    x = np.array([2**62, 2**62, 5], "i8")
    assert run_arrays(name, [x], backend=backend, block_bytes=8) == getattr(np, name)(x)


def test_what_torch_cannot_look_at_is_read_all_the_same() -> None:
    x = np.arange(6, dtype=">f4")[::-1]
    assert run_arrays("sum", [x], backend="torch-cpu") == 15


def test_a_read_only_array_gives_no_warning() -> None:
    x = np.arange(6.0)
    x.flags.writeable = False
    assert run_arrays("sum", [x], backend="torch-cpu") == 15


@both
def test_ten_million_float32_keep_the_promised_bound(backend: BackendKind) -> None:
    x = np.random.default_rng(0).uniform(0.9, 1.1, 10_000_019).astype("f4")
    result = float(run_arrays("sum", [x], {"dtype": "float32"}, backend=backend))
    # to the bound of the sum, the rounding of the result to float32 is added
    bound = (32 * U32 + U64) * math.fsum(np.abs(x)) + U32 * abs(result)
    assert abs(result - math.fsum(x)) <= bound


def test_the_mean_over_axis_0_is_not_numpys_naive_sum() -> None:
    x = np.full((200_000, 3), 0.1, "f4")
    exact = float(np.float32(0.1))
    naive = np.abs(x.mean(axis=0).astype("f8") - exact).max()
    ours = np.abs(run_arrays("mean", [x], {"axis": 0}).astype("f8") - exact).max()
    assert ours <= (32 * U32 + U64 + U32) * exact < naive


@both
@pytest.mark.parametrize("block_bytes", [None, 64 * KB])
def test_variance_of_a_large_mean_is_not_cancelled(backend: BackendKind, block_bytes: int | None) -> None:
    x = np.random.default_rng(1).normal(1e4, 1, 1_000_000).astype("f4")
    naive = np.mean(x * x) - np.mean(x) ** 2
    exact = np.var(x.astype("f8"))
    result = float(run_arrays("var", [x], backend=backend, block_bytes=block_bytes))
    # deviations are of size 1: what float32 loses is relative to them
    assert abs(result - exact) <= 256 * U32 * exact < abs(float(naive) - exact)


@both
def test_a_block_that_overflows_float32_is_added_in_float64(backend: BackendKind) -> None:
    x = np.array([3e38, 3e38, 3e38, -3e38, -3e38], "f4")
    expected = np.float32(math.fsum(x))
    assert run_arrays("sum", [x], backend=backend) == expected
    assert run_arrays("mean", [np.full(4, 3e38, "f4")], backend=backend) == np.float32(3e38)


@both
def test_squares_that_overflow_float32_leave_a_variance(backend: BackendKind) -> None:
    x = np.array([1e30, -1e30], "f4")
    assert run_arrays("std", [x], backend=backend) == np.float32(1e30)


@both
@pytest.mark.parametrize("scale", [1e300, 1e-300, 2.0**1023, 2.0**-1074])
def test_a_norm_neither_overflows_nor_vanishes(scale: float, backend: BackendKind) -> None:
    result = float(run_arrays("norm", [np.array([3.0, 4.0]) * (scale / 4)], backend=backend))
    x = np.array([3.0, 4.0]) * (scale / 4)
    largest = float(x.max())
    expected = largest * math.hypot(*(x / largest)) if largest else 0.0
    assert abs(result - expected) <= 8 * U64 * expected + 2.0**-1074


@both
@pytest.mark.parametrize("ord", [1, 2, 3, -1])
@pytest.mark.parametrize("other", [0.0, 1.0, 1e300])
def test_a_tiny_block_keeps_its_norm_beside_others(other: float, ord: int, backend: BackendKind) -> None:
    x = np.array([1e-300] * 4 + [other] * 4)
    result = float(run_arrays("norm", [x], {"ord": ord}, backend=backend, block_bytes=32))
    if ord > 0:
        lead = other or 1e-300
        expected = lead * 4 ** (1 / ord)
    else:
        expected = 1e-300 / 4 if other else 0.0
    assert abs(result - expected) <= 64 * U64 * expected


@both
@pytest.mark.parametrize("values", [[math.inf, 1e300], [1e300, math.inf], [0.0, math.inf], [math.inf, -math.inf]])
def test_the_norm_of_an_infinity_is_infinite(values: list[float], backend: BackendKind) -> None:
    assert run_arrays("norm", [np.array(values)], backend=backend, block_bytes=8) == math.inf


@both
def test_inf_minus_inf_is_nan_across_blocks(backend: BackendKind) -> None:
    x = np.array([math.inf, 1.0, -math.inf, 1.0])
    assert np.isnan(run_arrays("sum", [x], backend=backend, block_bytes=8))
    assert run_arrays("sum", [x[:2]], backend=backend, block_bytes=8) == math.inf


@both
def test_ties_go_to_the_first_index_across_blocks(backend: BackendKind) -> None:
    x = np.array([5.0, 1.0, 7.0, 1.0, 7.0, 1.0])
    assert run_arrays("argmin", [x], backend=backend, block_bytes=16) == 1
    assert run_arrays("argmax", [x], backend=backend, block_bytes=16) == 2


@both
def test_the_first_nan_wins_across_blocks(backend: BackendKind) -> None:
    x = np.array([5.0, 1.0, math.nan, -math.inf, math.nan, math.inf])
    for name in ("argmin", "argmax"):
        assert run_arrays(name, [x], backend=backend, block_bytes=8) == 2
    for name in ("min", "max", "ptp"):
        assert np.isnan(run_arrays(name, [x], backend=backend, block_bytes=8))


@both
@pytest.mark.parametrize("block_bytes", [None, 16, 8])
def test_the_first_index_of_fortran_order_is_first_in_c_order(backend: BackendKind, block_bytes: int | None) -> None:
    x = np.asfortranarray([[0.0, 9.0, 0.0], [9.0, 0.0, 9.0]])
    # 9 lies first in memory at [1, 0], which is index 3; the first in C order is [0, 1]
    assert run_arrays("argmax", [x], backend=backend, block_bytes=block_bytes) == 1


@both
@pytest.mark.parametrize("name", ["nanmin", "nanmax", "nanmean", "nanstd"])
def test_a_slice_of_nan_alone_gives_nan(name: str, backend: BackendKind) -> None:
    x = np.array([[math.nan, math.nan], [1.0, math.nan]])
    result = run_arrays(name, [x], {"axis": 1}, backend=backend, block_bytes=8)
    assert np.isnan(result).tolist() == [True, False]


@both
@pytest.mark.parametrize("name", ["nanargmin", "nanargmax"])
def test_an_index_of_nan_alone_is_refused_in_numpys_words(name: str, backend: BackendKind) -> None:
    x = np.array([[math.nan, math.nan], [1.0, math.nan]])
    with pytest.raises(SpecError, match="All-NaN slice encountered"):
        run_arrays(name, [x], {"axis": 1}, backend=backend)


@both
@pytest.mark.parametrize("block_bytes", [None, 8])
def test_nan_beside_infinities_is_numpys_index(backend: BackendKind, block_bytes: int | None) -> None:
    # NumPy takes NaN for the worst value, which an infinity ties with
    x = np.array([math.nan, math.nan, math.inf, math.inf])
    assert run_arrays("nanargmin", [x], backend=backend, block_bytes=block_bytes) == np.nanargmin(x)


@both
@pytest.mark.parametrize("name", ["sum", "any", "all", "count_nonzero"])
def test_nan_is_true(name: str, backend: BackendKind) -> None:
    x = np.array([math.nan, 0.0])
    expected = getattr(np, name)(x)
    np.testing.assert_array_equal(run_arrays(name, [x], backend=backend, block_bytes=8), expected)


@both
def test_dtype_bool_is_or_and_and(backend: BackendKind) -> None:
    for values in ([0.5, 0.25], [1.0, -1.0], [0.0, 0.0], [0.5, 0.0]):
        x = np.array(values)
        assert run_arrays("sum", [x], {"dtype": "bool"}, backend=backend) == np.sum(x, dtype=bool)
        assert run_arrays("prod", [x], {"dtype": "bool"}, backend=backend) == np.prod(x, dtype=bool)


@both
def test_a_product_of_booleans_is_numpys_or_of_ands(backend: BackendKind) -> None:
    a, b = np.random.default_rng(0).random((2, 40, 40)) < 0.1
    result = run_arrays("matmul", [a, b], backend=backend)
    assert result.dtype == bool
    assert np.array_equal(result, a @ b)


@both
@pytest.mark.parametrize("value", [2**26, 2**26 + 1])
def test_integer_products_are_exact_around_2_to_the_53(value: int, backend: BackendKind) -> None:
    a = np.array([[value, 1]], "i8")
    product = a @ a.T
    if value * value * 2 >= 2**53 and backend == "torch-cpu":
        with pytest.raises(InputUnsupportedError, match="not computed on CUDA"):
            run_arrays("matmul", [a, a.T], backend=backend)
        return
    assert np.array_equal(run_arrays("matmul", [a, a.T], backend=backend), product)


@pytest.mark.parametrize("code", ["i8", "u8", "i4", "i1"])
@pytest.mark.parametrize("block_bytes", [None, 2 * KB])
def test_integer_products_wrap_as_numpys(code: str, block_bytes: int | None) -> None:
    info = np.iinfo(code)
    a, b = np.random.default_rng(0).integers(info.min, info.max, (2, 30, 30), code, endpoint=True)
    assert np.array_equal(run_arrays("matmul", [a, b], block_bytes=block_bytes), a @ b)


@both
def test_float16_is_added_in_more_than_float16(backend: BackendKind) -> None:
    x = np.full(100_000, 0.1, "f2")
    exact = math.fsum(x.astype("f8"))
    result = run_arrays("sum", [x], {"dtype": "float32"}, backend=backend)
    assert abs(float(result) - exact) <= (32 * U32 + U64 + U32) * exact
    mean = run_arrays("mean", [x], backend=backend)
    assert (mean.dtype.name, float(mean)) == ("float16", float(np.float16(0.1)))


@both
def test_float16_products_are_rounded_once(backend: BackendKind) -> None:
    a = np.full((1, 4096), 0.1, "f2")
    exact = float(math.fsum((a.astype("f8") ** 2).ravel()))
    # float16 itself stops growing at 2048 ulps of its terms
    result = float(run_arrays("matmul", [a, a.T], backend=backend)[0, 0])
    assert abs(result - exact) <= (4096 * U32 + 2.0**-11) * exact


@both
def test_more_degrees_of_freedom_than_elements_are_numpys_inf_and_nan(backend: BackendKind) -> None:
    x = np.array([[1.0, 2.0], [1.0, 1.0]])
    with np.errstate(all="ignore"), pytest.warns(RuntimeWarning):
        expected = np.var(x, axis=1, ddof=3)
    assert expected.tolist()[0] == math.inf
    np.testing.assert_array_equal(run_arrays("var", [x], {"axis": 1, "ddof": 3}, backend=backend), expected)


@pytest.mark.parametrize("value", [0.1, 1 / 3, 1e-8, 12345.678])
@pytest.mark.parametrize("code", ["f4", "f8"])
@pytest.mark.parametrize("n", [3, 7, 10_000, 99_991])
def test_the_variance_of_a_constant_is_never_negative(value: float, code: str, n: int) -> None:
    x = np.full(n, value, code)
    result = float(run_arrays("std", [x]))
    assert 0 <= result <= 40 * (U32 if code == "f4" else U64) * value


@pytest.mark.parametrize("code", ["O", "U3", "S3", "M8[s]", "m8[s]", "g", "G"])
def test_dtypes_that_are_not_numbers_are_refused(code: str) -> None:
    with pytest.raises(InputUnsupportedError) as caught:
        plan_arrays("sum", [np.zeros(3, code)])
    assert caught.value.next


def test_structured_arrays_are_refused_with_a_field_to_take() -> None:
    with pytest.raises(InputUnsupportedError, match="mass") as caught:
        plan_arrays("sum", [np.zeros(3, [("mass", "f4"), ("speed", "f4")])])
    assert "mass" in caught.value.next


def test_complex_extremes_are_numpys_order_or_refused() -> None:
    x: NDArray[Any] = np.array([1 + 2j, 1 + 1j, 0 + 9j])
    assert run_arrays("max", [x], block_bytes=16) == 1 + 2j
    with pytest.raises(InputUnsupportedError, match="complex"):
        plan_arrays("max", [x], backend="torch-cpu")


def test_an_array_of_this_process_never_travels() -> None:
    with pytest.raises(TypeError, match="cannot be sent to another process"):
        pickle.dumps(MemorySource("x", np.ones(3)))
