"""The contract of histogram: NumPy's counts, edges, dtypes and refusals, however the array is cut."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from in_process_jobs import ShuffledSession, run_arrays, run_chain
from numpy.typing import NDArray
from operation_contract import CODES, LAYOUTS, Case, byte_orders, draw_values, lay_out, shapes

from arraymill.jobs.engine import BackendKind
from arraymill.jobs.errors import CannotFitError, InputUnsupportedError, JobError, SpecError

INF = float("inf")
EDGES = ((0, 1, 2, 3), (-1.5, 0, 0, 2.25, 9), (0.1, 0.2, 0.3), (0, 0, 0), (-INF, 0.5, INF), (3, 2))
BINS: tuple[Any, ...] = (10, 1, 7, 1000, *EDGES, tuple(np.linspace(-10, 10, 50).tolist()), (5,), 0, -1, 2.5)
RANGES = (None, None, None, (0, 1), (-3.0, 3.0), (0, 255), (2, 2), (0.1, 0.7), (-200, 300.5), (3, 1), (0, INF))


@st.composite
def cases(draw: st.DrawFn) -> Case:
    values = draw_values(draw(shapes), draw(st.sampled_from(CODES)), draw(st.integers(0, 1000)))
    if values.size and values.dtype.kind == "f":
        for where in draw(st.lists(st.integers(0, values.size - 1), max_size=2) | st.just([])):
            values.flat[where] = draw(st.sampled_from((np.nan, INF, 0.0, 2.25, 3.0)))
    if draw(st.booleans()):
        # on edges
        values = np.round(values) if values.dtype.kind == "f" else values
    bins = draw(st.sampled_from(BINS))
    params = {"bins": bins, "range": draw(st.sampled_from(RANGES)), "density": draw(st.booleans())}
    block_bytes = draw(st.sampled_from((None, max(values.nbytes // 5, 1), max(values.nbytes // 33, 1))))
    return Case(lay_out(values, draw(st.sampled_from(LAYOUTS)), draw(byte_orders)), params, block_bytes)


def ask(x: NDArray[Any], params: dict[str, Any]) -> tuple[NDArray[Any], ...] | Exception:
    with np.errstate(all="ignore"), warnings.catch_warnings(action="ignore"):
        try:
            return np.histogram(x, **params)
        except (ValueError, TypeError, IndexError) as error:
            return error


@pytest.mark.parametrize("backend", ["numpy", "torch-cpu"])
@settings(max_examples=100)
@given(case=cases())
def test_histogram_is_numpys(backend: BackendKind, case: Case) -> None:
    native = case.array.astype(case.array.dtype.newbyteorder("="))
    expected = ask(native, case.params)
    is_unsupported = native.dtype.kind == "c" or (backend != "numpy" and native.dtype == np.uint64)
    if is_unsupported or isinstance(expected, Exception):
        with pytest.raises((InputUnsupportedError, SpecError)):
            compute(case, backend)
        return
    made = compute(case, backend)
    for got, want in zip((made["counts"], made["edges"]), expected, strict=True):
        assert got.dtype == want.dtype
        np.testing.assert_array_equal(got, want)


def compute(case: Case, backend: BackendKind) -> dict[str, NDArray[Any]]:
    session = ShuffledSession(seed=1, n_workers=2)
    return run_chain(
        "histogram", [case.array], case.params, backend=backend, block_bytes=case.block_bytes, session=session
    )


@pytest.mark.parametrize("backend", ["numpy", "torch-cpu", "fake"])
@pytest.mark.parametrize("code", ["f4", "f8", "f2", "i4"])
def test_numbers_next_to_edges_are_where_numpy_puts_them(backend: BackendKind, code: str) -> None:
    edges = np.linspace(-1, 3, 301).astype(code)
    x = np.concatenate([edges, np.nextafter(edges, INF), np.nextafter(edges, -INF)]) if code[0] == "f" else edges
    x = x[(x >= -1) & (x <= 3)].astype(code)
    for params in ({"bins": 300}, {"bins": 300, "range": (-1, 3)}, {"bins": 299, "range": (-0.99, 2.99)}):
        want = ask(x, params)
        if isinstance(want, Exception):
            continue
        made = run_chain("histogram", [x], params, backend=backend, block_bytes=x.nbytes // 3)
        np.testing.assert_array_equal(made["counts"], want[0])
        np.testing.assert_array_equal(made["edges"], want[1])


@pytest.mark.parametrize("code", ["i1", "u1", "i2", "i8", "u8"])
def test_extents_of_integers_do_not_overflow(code: str) -> None:
    limits = np.iinfo(code)
    x = np.array([limits.min, limits.min + 1, 0, limits.max - 1, limits.max], code)
    want = np.histogram(x, 7)
    made = run_chain("histogram", [x], {"bins": 7}, block_bytes=x.itemsize)
    assert made["counts"].tolist() == want[0].tolist()
    assert made["edges"].tolist() == want[1].tolist()


@pytest.mark.parametrize("worst", [np.nan, INF])
def test_a_range_that_is_not_finite_is_refused_when_it_is_met(worst: float) -> None:
    x = np.arange(100.0)
    x[70] = worst
    with pytest.raises(SpecError, match="is not finite") as caught:
        run_arrays("histogram", [x], {"bins": 5}, block_bytes=80)
    assert "--range" in caught.value.next
    assert run_arrays("histogram", [x], {"bins": 5, "range": (0, 100)}).tolist() == [20, 20, 20, 19, 20]


def test_bins_of_a_rule_and_too_many_are_refused() -> None:
    x = np.arange(10.0)
    for bins in ("auto", "fd", (0.0, np.nan, 1.0)):
        with pytest.raises(SpecError, match="not worked on"):
            run_arrays("histogram", [x], {"bins": bins})
    with pytest.raises(CannotFitError, match="10000000000 bins do not fit"):
        run_arrays("histogram", [x], {"bins": 10**10})
    with pytest.raises(JobError, match="Too many bins for data range"):
        run_arrays("histogram", [np.array([1, 1 + 2.0**-50])], {"bins": 1000})


@settings(max_examples=60)
@given(
    shapes,
    st.sampled_from(("?", "u1", "i4", "f2", "f4", "f8")),
    st.sampled_from(("?", "i2", "i8", "f4", "f8", "c8")),
    st.sampled_from((10, (0, 1, 2, 3), (-1.5, 0, 0, 2.25, 9))),
    st.sampled_from((None, (0, 3))),
    st.booleans(),
    st.sampled_from((None, 5)),
)
def test_weights_are_added(
    shape: Any, code: str, weight: str, bins: Any, bounds: Any, density: bool, n_blocks: int | None
) -> None:
    x, w = draw_values(shape, code, 2), draw_values(shape, weight, 4)
    params = {"bins": bins, "range": bounds, "density": density}
    wide = w.astype(np.complex128 if weight == "c8" else np.float64)
    with np.errstate(all="ignore"), warnings.catch_warnings(action="ignore"):
        sums, edges = np.histogram(x, bins, bounds, weights=wide)
        want = sums if weight != "?" else sums != 0
        if density:
            want = want / np.diff(edges).astype(float) / want.sum()
    dtype = np.result_type(w.dtype, np.float64) if density else w.dtype
    made = run_chain("histogram", [x, w], params, block_bytes=n_blocks and max(x.nbytes // n_blocks, 1))
    assert made["counts"].dtype == dtype
    # sums of float64 in another order, rounded to the dtype of the weights
    u = 2.0**-23 if weight in ("f4", "c8") else 2.0**-40
    np.testing.assert_allclose(made["counts"], want, rtol=4 * u, atol=u * float(np.abs(wide).sum() or 1))
    np.testing.assert_array_equal(made["edges"], edges)


def test_weights_have_the_shape_of_the_array() -> None:
    with pytest.raises(SpecError, match="same shape"):
        run_arrays("histogram", [np.ones(3), np.ones(4)])
    with pytest.raises(SpecError, match="takes an array and"):
        run_arrays("histogram", [np.ones(3)] * 3)


def test_parameters_may_be_text() -> None:
    x = np.arange(10.0)
    text = run_chain("histogram", [x], {"bins": "0,2.5,7", "range": "0,5"})
    assert [text["counts"].tolist(), text["edges"].tolist()] == [[3, 5], [0, 2.5, 7]]
    for bounds in ("0,6", ["0", "6"]):
        assert run_chain("histogram", [x], {"bins": "3", "range": bounds})["counts"].tolist() == [2, 2, 3]
