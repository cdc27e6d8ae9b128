"""Exact operations, and functions element by element, on the numbers where arithmetic has its edges.

Zeros of both signs, NaN, infinities, the largest and the smallest numbers of every dtype, in short arrays of any layout
that are cut into many blocks: the answer is NumPy's. Of 0.0 and -0.0, which are equal, either may be an extremum.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from expressions import REAL, SYMBOLS, bits
from hypothesis import given, settings
from hypothesis import strategies as st
from in_process_jobs import ShuffledSession, run_arrays, run_chain
from numpy.typing import NDArray
from operation_contract import LAYOUTS, axes, byte_orders, lay_out

from arraymill.jobs.engine import BackendKind
from arraymill.jobs.errors import InputUnsupportedError, JobError, SpecError
from arraymill.jobs.operations import OPERATIONS
from arraymill.jobs.operations.elementwise.functions import FUNCTIONS

BACKENDS: tuple[BackendKind, ...] = ("numpy", "torch-cpu")
SHAPES = st.sampled_from(((), (1,), (9,), (0, 2), (1, 7), (7, 1), (4, 5), (2, 1, 3), (3, 2, 2, 1, 2)))
EXACT = (
    *("min", "max", "ptp", "argmin", "argmax", "nanmin", "nanmax", "nanargmin", "nanargmax"),
    *("any", "all", "count_nonzero", "median", "percentile", "nanquantile"),
)
LAST_BITS = (
    "exp exp2 expm1 log log2 log10 log1p sin cos tan arcsin arccos arctan sinh cosh tanh arcsinh arccosh arctanh "
    "arctan2 hypot power"
)
"""Whose last bits depend on where in an array an element is, in NumPy as well: on whether it is one of several."""


def edges(code: str) -> tuple[Any, ...]:
    """Return the edges of a dtype, and a few numbers beside them."""
    dtype = np.dtype(code)
    if dtype.kind == "b":
        return (False, True)
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        return (0, 1, 2, 3, int(limits.min), int(limits.max), int(limits.max) - 1, *((-1, -2) if limits.min else ()))
    float_limits = np.finfo(dtype)
    ends = (float_limits.max, float_limits.tiny, float_limits.smallest_subnormal, float_limits.eps)
    return (0.0, -0.0, np.nan, np.inf, -np.inf, 1.0, -1.0, 2.5, *ends, *(-end for end in ends))


@st.composite
def arrays(draw: st.DrawFn, shape: tuple[int, ...], code: str) -> NDArray[Any]:
    """Draw an array of edges in any layout."""
    n = int(np.prod(shape))
    values = draw(st.lists(st.sampled_from(edges(code)), min_size=n, max_size=n))
    return lay_out(np.array(values, code).reshape(shape), draw(st.sampled_from(LAYOUTS)), draw(byte_orders))


def asked(name: str, native: list[NDArray[Any]], params: dict[str, Any]) -> Any:
    """Return NumPy's answer, or its refusal."""
    operation = OPERATIONS[name]
    with np.errstate(all="ignore"), warnings.catch_warnings(action="ignore"):
        try:
            return operation.oracle(native, operation.params(**params))
        except (ValueError, TypeError, IndexError) as error:
            return error


def native(x: NDArray[Any]) -> NDArray[Any]:
    return x.astype(x.dtype.newbyteorder("="))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", EXACT)
@settings(max_examples=25)
@given(data=st.data(), shape=SHAPES, code=st.sampled_from(REAL), n_blocks=st.sampled_from((None, 2, 9)))
def test_order_and_truth_are_numpys(
    name: str, backend: BackendKind, data: st.DataObject, shape: tuple[int, ...], code: str, n_blocks: int | None
) -> None:
    x = data.draw(arrays(shape, code))
    params: dict[str, Any] = {"axis": data.draw(axes(x.ndim, several="arg" not in name))}
    params |= {
        "percentile": {"q": (0, 10, 50, 100), "method": "lower"},
        "nanquantile": {"q": 0.25, "method": "nearest"},
    }.get(name, {})
    want, session = asked(name, [native(x)], params), ShuffledSession(seed=1, n_workers=2)
    where: dict[str, Any] = {"backend": backend, "block_bytes": n_blocks and max(x.nbytes // n_blocks, 1)}
    if isinstance(want, Exception):
        with pytest.raises((SpecError, InputUnsupportedError)):
            run_arrays(name, [x], params, session=session, **where)
        return
    try:
        got = run_arrays(name, [x], params, session=session, **where)
    except InputUnsupportedError:
        assert (backend, code) == ("torch-cpu", "u8")
        return
    np.testing.assert_array_equal(got, np.asarray(want), strict=True)


@pytest.mark.parametrize("backend", BACKENDS)
@settings(max_examples=50)
@given(data=st.data(), code=st.sampled_from(REAL), largest=st.booleans(), n_blocks=st.sampled_from((None, 2, 9)))
def test_topk_is_a_stable_sort(
    backend: BackendKind, data: st.DataObject, code: str, largest: bool, n_blocks: int | None
) -> None:
    x = data.draw(arrays((3, 8), code))
    params = {"k": 3, "axis": 1, "largest": largest}
    made = run_chain("topk", [x], params, backend=backend, block_bytes=n_blocks and max(x.nbytes // n_blocks, 1))
    rows = native(x)
    # NaN is the largest of all; of equal ones the lowest index comes first
    places = [
        sorted(
            range(8), key=lambda i: ((is_nan := row[i] != row[i]), 0 if is_nan else row[i].item(), -i if largest else i)
        )
        for row in rows
    ]
    want = np.array([order[::-1][:3] if largest else order[:3] for order in places])
    np.testing.assert_array_equal(made["indices"], want)
    assert bits(made["values"]) == bits(np.take_along_axis(rows, want, 1))


def shapes_of(n_arguments: int) -> st.SearchStrategy[tuple[tuple[int, ...], ...]]:
    """Shapes that broadcast to (4, 5), the first of them whole or not."""
    small = st.sampled_from(((4, 5), (5,), (1, 5), (4, 1), ()))
    return st.tuples(*[small] * n_arguments).map(lambda rest: ((4, 5), *rest))


@pytest.mark.parametrize("name", sorted({function.name for function in FUNCTIONS.values()}))
@settings(max_examples=10)
@given(data=st.data(), n_blocks=st.sampled_from((None, 3, 20)))
def test_functions_of_arrays_that_broadcast_are_numpys(name: str, data: st.DataObject, n_blocks: int | None) -> None:
    function = FUNCTIONS[name]
    names = "yzw"[: function.n_arguments[0]]
    call = f"{name}({', '.join(names)})"
    if not function.in_expression:
        call = f"({SYMBOLS[name]}y)" if len(names) == 1 else f"(y {SYMBOLS[name]} z)"
    shapes = data.draw(shapes_of(len(names)))
    # x alone is whole: what is called is broadcast to it
    given_arrays = [data.draw(arrays(shape, data.draw(st.sampled_from(REAL)))) for shape in shapes]
    operands = [native(x) for x in given_arrays]
    params = {"expr": f"where(x == x, {call}, {call})", "names": ("x", *names)}
    want = asked("map", operands, params)
    run = {"block_bytes": n_blocks and max(operands[0].nbytes // n_blocks, 1)}
    if isinstance(want, Exception):
        with pytest.raises(JobError):
            run_arrays("map", given_arrays, params, **run)
        return
    got = run_arrays("map", given_arrays, params, **run)
    want = np.asarray(want)
    assert (got.shape, got.dtype) == (want.shape, want.dtype)
    if want.dtype.kind == "f" and name in LAST_BITS.split():
        with np.errstate(all="ignore"):
            near = np.abs(got - want) <= 4 * np.finfo(want.dtype).eps * np.abs(want)
        assert np.all(near | (got == want) | (np.isnan(got) & np.isnan(want)))
        return
    np.testing.assert_array_equal(got, want)
