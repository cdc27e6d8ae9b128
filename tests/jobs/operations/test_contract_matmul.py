"""The contract of matmul: NumPy's shape and dtype, each element within the bound of its precision, integers exact."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from in_process_jobs import ShuffledSession, run_arrays
from numpy.typing import NDArray
from operation_contract import LAYOUTS, U64, byte_orders, check_within, draw_values, lay_out

from arraymill.jobs.engine import BackendKind
from arraymill.jobs.errors import CannotFitError, InputUnsupportedError, SpecError
from arraymill.jobs.limits import Precision
from arraymill.jobs.operations import OPERATIONS

SHAPES = (
    *(((5,), (5,)), ((5,), (5, 3)), ((4, 5), (5,)), ((4, 5), (5, 6)), ((1, 1), (1, 1)), ((1, 900), (900, 1))),
    *(((2, 4, 5), (5, 6)), ((3, 1, 4, 5), (2, 5, 6)), ((4, 5), (3, 5, 6)), ((5,), (2, 5, 6)), ((2, 4, 5), (5,))),
    *(((0, 5), (5, 3)), ((4, 0), (0, 3)), ((2, 0, 5), (5, 3)), ((0,), (0,)), ((40, 60), (60, 50)), ((3000,), (3000,))),
    *(((700, 9), (9, 2)), ((2, 2000), (2000, 3))),
)
REFUSED = (((4, 5), (4, 5)), ((), (3,)), ((2, 3), ()), ((5,), (4,)), ((2, 3, 4), (3, 4, 5)))
CODES = ("?", "i1", "i4", "i8", "u1", "u4", "u8", "f2", "f4", "f8", "c8", "c16")


@st.composite
def operands(draw: st.DrawFn) -> tuple[list[NDArray[Any]], dict[str, Any]]:
    """Draw two arrays that multiply, each in a layout and a dtype of its own, and which are taken transposed."""
    arrays, transposed = [], []
    first = draw(st.sampled_from(CODES))
    second = draw(st.just(first) | st.sampled_from(CODES))
    for shape, code in zip(draw(st.sampled_from(SHAPES)), (first, second), strict=True):
        values = draw_values(shape, code, draw(st.integers(0, 1000)))
        transposed.append(draw(st.booleans()))
        if transposed[-1] and values.ndim > 1:
            values = np.ascontiguousarray(values.swapaxes(-1, -2))
        arrays.append(lay_out(values, draw(st.sampled_from(LAYOUTS)), draw(byte_orders)))
    return arrays, {"transpose_a": transposed[0], "transpose_b": transposed[1]}


@pytest.mark.parametrize("backend", ["numpy", "torch-cpu"])
@given(case=operands(), block_bytes=st.sampled_from((None, 400, 3000, 20_000)), seed=st.integers(0, 9))
def test_a_product_is_numpys(backend: BackendKind, case: Any, block_bytes: int | None, seed: int) -> None:
    arrays, params = case
    native = [x.astype(x.dtype.newbyteorder("=")) for x in arrays]
    expected = oracle(native, params)
    session = ShuffledSession(seed=seed)
    try:
        result = run_arrays("matmul", arrays, params, backend=backend, block_bytes=block_bytes, session=session)
    except CannotFitError:
        assert block_bytes == 400
        return
    except InputUnsupportedError:
        assert backend == "torch-cpu"
        assert np.uint64 in [x.dtype for x in native] or exceeds_float64(native, params)
        return
    assert (result.shape, result.dtype) == (expected.shape, expected.dtype)
    if result.dtype.kind in "biu":
        np.testing.assert_array_equal(result, expected)
    else:
        check_product(native, params, result, "standard")


def oracle(arrays: list[NDArray[Any]], params: dict[str, Any]) -> NDArray[Any]:
    matmul = OPERATIONS["matmul"]
    with np.errstate(all="ignore"):
        return matmul.oracle(arrays, matmul.params(**params))


def exceeds_float64(arrays: list[NDArray[Any]], params: dict[str, Any]) -> bool:
    """Tell whether a product is one of integers whose sums may pass 2^53."""
    largest = math.prod(max(abs(int(x.min())), abs(int(x.max()))) for x in arrays)
    k = arrays[0].shape[-2 if params["transpose_a"] and arrays[0].ndim > 1 else -1]
    return np.result_type(*arrays).kind in "iu" and largest * k >= 2**53


def check_product(
    arrays: list[NDArray[Any]], params: dict[str, Any], result: NDArray[Any], precision: Precision
) -> None:
    """Assert ``|c - c_exact| <= gamma_k (|a| @ |b|)``; complex numbers are sums of 2 k real products per part."""
    is_complex = result.dtype.kind == "c"
    wide = [x.astype(np.complex128 if is_complex else np.float64) for x in arrays]
    k = arrays[0].shape[-2 if params["transpose_a"] and arrays[0].ndim > 1 else -1]
    is_double = precision == "strict" or result.dtype.itemsize >= 8 * (1 + is_complex)
    u = U64 if is_double else 2.0**-24
    steps = 2 * math.sqrt(2) * k if is_complex else k
    gamma = steps * u / (1 - steps * u) + steps * U64
    # integers and wide floats are first cast to the dtype of the product
    cast = 3 * u
    check_within(result, oracle(wide, params), (gamma + cast) * oracle([np.abs(x) for x in wide], params))


@pytest.mark.parametrize(("a", "b"), REFUSED)
def test_what_numpy_refuses_is_refused(a: tuple[int, ...], b: tuple[int, ...]) -> None:
    arrays = [np.ones(a), np.ones(b)]
    with pytest.raises(ValueError, match=r".*") as numpys:
        np.matmul(*arrays)
    with pytest.raises(SpecError) as caught:
        run_arrays("matmul", arrays)
    assert caught.value.exit_code == 2
    assert {word for word in ("dimension", "mismatch", "broadcast") if word in str(numpys.value)} <= set(
        str(caught.value).replace(":", " ").replace("dimensions", "dimension").split()
    )


@pytest.mark.parametrize("precision", ["strict", "standard", "fast"])
def test_each_precision_keeps_its_bound_on_the_cpu(precision: Precision) -> None:
    rng = np.random.default_rng(3)
    arrays = [rng.standard_normal((30, 2000)).astype("f4"), rng.standard_normal((2000, 20)).astype("f4")]
    params = {"transpose_a": False, "transpose_b": False}
    result = run_arrays("matmul", arrays, params, precision=precision)
    check_product(arrays, params, result, precision)


@pytest.mark.parametrize("code", ["f4", "f8", "c8"])
@pytest.mark.parametrize("backend", ["numpy", "torch-cpu"])
def test_a_product_does_not_depend_on_the_order_of_its_blocks(backend: BackendKind, code: str) -> None:
    arrays = [draw_values((200, 700), code, 1), draw_values((700, 150), code, 2)]
    sessions = [ShuffledSession(seed, n_workers=3, at_once=2) for seed in (None, 1, 2)]
    answers = {
        run_arrays("matmul", arrays, backend=backend, block_bytes=100_000, session=session).tobytes()
        for session in sessions
    }
    assert len(answers) == 1


@pytest.mark.parametrize("code", ["i4", "i8", "u8", "?"])
def test_exact_products_do_not_depend_on_the_size_of_blocks(code: str) -> None:
    arrays = [draw_values((60, 500), code, 1), draw_values((500, 40), code, 2)]
    answers = {run_arrays("matmul", arrays, block_bytes=size).tobytes() for size in (None, 3000, 50_000)}
    assert answers == {oracle(arrays, {}).tobytes()}
