"""Tests of jobs/operations/elementwise/torch_program.py: torch on the CPU against NumPy, with NumPy's dtypes."""

import array_api_compat.torch as xp
import numpy as np
import pytest
import torch
from expressions import DTYPES, EXACT_IN_TORCH, call_text, exact_expressions, numpy_answer, program_of, random_array
from hypothesis import given, settings
from hypothesis import strategies as st

from arraymill.jobs.errors import InputUnsupportedError
from arraymill.jobs.operations.elementwise.functions import FUNCTIONS
from arraymill.jobs.operations.elementwise.torch_program import check_on_cuda, run_on_torch

ON_TORCH = tuple(code for code in DTYPES if code != "u8")
# torch's own float32 sqrt on the CPU (MKL) is not exactly rounded
EXACT = exact_expressions(exact=EXACT_IN_TORCH, powers=("1", "2"))
REAL_CODES = st.sampled_from(ON_TORCH[:-2])
NAMES = sorted({function.name for function in FUNCTIONS.values()})


def on_torch(program, arrays):
    result = run_on_torch(program, xp, [torch.from_numpy(array.copy()) for array in arrays]).numpy()
    assert result.dtype == program.dtype
    return result


def is_refused(program):
    try:
        check_on_cuda(program)
    except InputUnsupportedError:
        return True
    return False


def assert_close(result, expected, *, ulps):
    """Assert equality up to `ulps` roundings of the expected number, and the same NaN and infinities."""
    if expected.dtype.kind in "biu":
        assert result.tolist() == expected.tolist()
        return
    wide = np.complex128 if expected.dtype.kind == "c" else np.float64
    with np.errstate(all="ignore"):
        allowed = ulps * np.finfo(expected.dtype).eps * np.abs(expected.astype(wide))
        close = np.abs(result.astype(wide) - expected.astype(wide)) <= allowed
    both_nan = np.isnan(result) & np.isnan(expected)
    assert (close | (result == expected) | both_nan).all(), (result, expected)


@pytest.mark.parametrize("code", ON_TORCH)
@pytest.mark.parametrize("name", NAMES)
def test_function_is_numpys(name, code):
    operands = [random_array(code, seed) for seed in range(FUNCTIONS[name].n_arguments[0])]
    program = program_of(call_text(name), {n: o.dtype for n, o in zip("xyz", operands, strict=False)})
    if program is None or is_refused(program):
        return
    try:
        with np.errstate(all="ignore"):
            expected = np.asarray(FUNCTIONS[name].call(*operands))
    except ValueError:
        with pytest.raises(ValueError, match="Integers to negative"):
            on_torch(program, operands)
        return
    # glibc, SLEEF and NumPy's SIMD loops state at most 4 ulp for real functions; a complex one takes a few of them
    assert_close(on_torch(program, operands), expected, ulps=64 if np.dtype(code).kind == "c" else 4)


@settings(max_examples=300, deadline=None)
@given(text=EXACT, codes=st.tuples(st.sampled_from(ON_TORCH[:-2]), st.sampled_from(ON_TORCH[:-2])))
def test_exactly_rounded_functions_are_numpys_to_the_last_bit(text, codes):
    arrays = {name: random_array(code, seed) for seed, (name, code) in enumerate(zip("xy", codes, strict=True))}
    program = program_of(text, {name: array.dtype for name, array in arrays.items()})
    if program is None or is_refused(program):
        return
    expected = numpy_answer(text, arrays)
    if isinstance(expected, ValueError):
        with pytest.raises(ValueError, match="Integers to negative"):
            on_torch(program, list(arrays.values()))
        return
    assert_close(on_torch(program, list(arrays.values())), np.broadcast_to(expected, (64,)), ulps=0)


@pytest.mark.parametrize("code", ["i1", "i4", "i8", "u1", "u2", "u4"])
@pytest.mark.parametrize("text", ["x // y", "x % y", "fmod(x, y)", "x << y", "x >> y", "x * y", "-x", "~x", "x // -1"])
def test_integers_at_their_edges(text, code):
    limits = np.iinfo(code)
    values = np.array([limits.min, limits.max, 0, 1, 2, limits.max - 1], code)
    arrays = {"x": np.repeat(values, len(values)), "y": np.tile(values, len(values))}
    used = {name: array for name, array in arrays.items() if name in text}
    program = program_of(text, {name: array.dtype for name, array in used.items()})
    if program is None:
        assert text == "x // -1"
        return
    assert on_torch(program, list(used.values())).tolist() == numpy_answer(text, used).tolist()


def test_broadcast_result_has_the_shape_of_all_inputs():
    program = program_of("where(x > 0, 1, 0)", {"x": np.dtype("f4"), "y": np.dtype("f4")})
    assert on_torch(program, [np.ones((3, 1), "f4"), np.ones(4, "f4")]).shape == (3, 4)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("x + 1", "u8"),
        ("uint64(x)", "i4"),
        ("x < 1", "u8"),
        ("maximum(x, 1)", "c8"),
        ("x < 1", "c8"),
        ("expm1(x)", "c8"),
    ],
)
def test_refused_on_cuda(text, code):
    with pytest.raises(InputUnsupportedError) as caught:
        check_on_cuda(program_of(text, {"x": np.dtype(code)}))
    assert caught.value.next == "use --device cpu"


def test_inputs_are_not_written_to():
    x = torch.arange(4.0)
    for text in ("x", "real(x)", "+x", "float32(x)", "floor(x)"):
        result = run_on_torch(program_of(text, {"x": np.dtype("f4")}), xp, [x])
        result += 1
    assert x.tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("code", ["i1", "u1", "i2", "u2", "i4", "u4", "i8"])
@pytest.mark.parametrize("bounds", ["-5, 300", "-70000, 3", "50, 1099511627776", "-1099511627776, 2"])
def test_bounds_that_a_dtype_does_not_hold_bound_nothing(bounds, code):
    x = random_array(code, 5)
    text = f"clip(x, {bounds})"
    result = on_torch(program_of(text, {"x": x.dtype}), [x])
    assert result.tolist() == numpy_answer(text, {"x": x}).tolist()
