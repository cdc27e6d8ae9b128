"""Random operands and the text of calls, for the tests of expressions."""

import warnings

import numpy as np
from hypothesis import strategies as st

from arraymill.jobs.errors import SpecError
from arraymill.jobs.operations.elementwise.expression import parse_expression
from arraymill.jobs.operations.elementwise.functions import CASTS, FUNCTIONS
from arraymill.jobs.operations.elementwise.program import compile_program
from arraymill.jobs.operations.elementwise.typed import type_expression

DTYPES = ("?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "c8", "c16")
REAL = DTYPES[:-2]
SYMBOLS = {
    "add": "+",
    "subtract": "-",
    "multiply": "*",
    "negative": "-",
    "positive": "+",
    "invert": "~",
    "bitwise_and": "&",
    "bitwise_or": "|",
    "bitwise_xor": "^",
    "left_shift": "<<",
    "right_shift": ">>",
    "less": "<",
    "less_equal": "<=",
    "greater": ">",
    "greater_equal": ">=",
    "equal": "==",
    "not_equal": "!=",
}


def random_array(code, seed, size=64):
    """Return random values of a dtype with its edges among them: zeros, extremes, infinities, NaN."""
    dtype, rng = np.dtype(code), np.random.default_rng(seed)
    if dtype.kind == "b":
        return rng.random(size) < 0.5
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        array = rng.integers(limits.min, limits.max, size, dtype=dtype, endpoint=True)
        edges = [0, 1, 2, 3, 7, limits.min, limits.max, *([-1, -2, -3] if dtype.kind == "i" else [])]
    elif dtype.kind == "f":
        array, edges = (rng.normal(size=size) * 3).astype(dtype), [0.0, -0.0, np.inf, -np.inf, np.nan, 2.5, -1.5]
    else:
        array, edges = (rng.normal(size=size) + 1j * rng.normal(size=size)).astype(dtype), [1, 1j]
    array[rng.permutation(size)[: len(edges)]] = edges[:size]
    return array


def call_text(name):
    """Return the expression that calls a function of `FUNCTIONS` on x, y, z."""
    names = "xyz"[: FUNCTIONS[name].n_arguments[0]]
    if FUNCTIONS[name].in_expression:
        return f"{name}({', '.join(names)})"
    return f"{SYMBOLS[name]}x" if len(names) == 1 else f"x {SYMBOLS[name]} y"


def program_of(text, dtypes):
    """Return the program of an expression, or None where its dtypes are refused."""
    try:
        return compile_program(type_expression(parse_expression(text), dtypes))
    except SpecError:
        return None


def _cast(dtype):
    def cast(x):
        if np.iscomplexobj(x) and dtype.kind not in "cb":
            raise TypeError("NumPy warns of this; here it is refused")
        return np.asarray(x).astype(dtype)

    return cast


EXACT_IN_TORCH = "square floor ceil trunc rint isnan isfinite isinf logical_not sign real imag"
_EXACT_IN_NUMPY = f"{EXACT_IN_TORCH} sqrt abs"
_NUMBERS = ("0", "1", "2", "3", "7", "-1", "300", "2.5", "-0.5", "True")
_OF_TWO = "+ - * / // % & | ^ << >> < <= > >= == !="
# NumPy imports the classes of its errors through the builtins of the frame that called it
_GLOBALS = {"__builtins__": {"__import__": __import__}}
_NAMESPACE = {name: function.call for name, function in FUNCTIONS.items() if function.in_expression}
_NAMESPACE |= {name: _cast(dtype) for name, dtype in CASTS.items()}


def bits(array):
    """Return the bytes of an array in C order, every NaN as the same NaN: IEEE 754 leaves its sign open."""
    array = np.array(array, order="C")
    if array.dtype.kind in "fc":
        array[np.isnan(array)] = np.nan
    return array.tobytes()


def numpy_answer(text, arrays):
    """Return what NumPy makes of an expression, or the error that it raises."""
    with np.errstate(all="ignore"), warnings.catch_warnings(action="ignore"):
        try:
            return np.asarray(eval(text, dict(_GLOBALS), {**_NAMESPACE, **arrays}))
        except (ArithmeticError, TypeError, ValueError) as error:
            return error


def exact_expressions(*, exact=_EXACT_IN_NUMPY, powers=("2", "0.5", "1"), numbers=_NUMBERS):
    """Return a strategy of expressions whose every function is exactly rounded or exact, whatever the layout.

    Of real numbers: NumPy multiplies complex ones with or without FMA, depending on where in the array they are.
    """
    number = st.sampled_from(numbers)
    leaf = st.sampled_from(["x", "y"]) | number
    return st.recursive(
        st.sampled_from(["x", "y"]), lambda inner: _grown(inner, inner | leaf, exact, powers), max_leaves=8
    )


def _grown(inner, other, exact, powers):
    symbol = st.sampled_from(
        ["+", "-", "*", "/", "//", "%", "&", "|", "^", "<<", ">>", "<", "<=", ">", ">=", "==", "!="]
    )
    binary = st.tuples(inner, symbol, other).map(lambda t: f"({t[0]} {t[1]} {t[2]})")
    swapped = st.tuples(other, symbol, inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})")
    name = st.sampled_from(exact.split())
    cast = st.sampled_from(["float32", "float64", "int64", "bool", "float16"])
    unary = st.tuples(st.sampled_from(["-", "+", "~"]), inner).map(lambda t: f"({t[0]}{t[1]})")
    call = st.tuples(name, inner).map(lambda t: f"{t[0]}({t[1]})")
    power = st.tuples(inner, st.sampled_from(powers)).map(lambda t: f"({t[0]} ** {t[1]})")
    two = st.tuples(st.sampled_from(["maximum", "minimum", "logical_and", "logical_xor", "remainder"]), inner, other)
    where = st.tuples(inner, inner, inner).map(lambda t: f"where({t[0]}, {t[1]}, {t[2]})")
    converted = st.tuples(cast, inner).map(lambda t: f"{t[0]}({t[1]})")
    return binary | swapped | unary | call | power | where | converted | two.map(lambda t: f"{t[0]}({t[1]}, {t[2]})")
