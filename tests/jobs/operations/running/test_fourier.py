"""fft, ifft, rfft, irfft: NumPy's bits on the CPU; on torch within the bound of the algorithm."""

from __future__ import annotations

import math
import tracemalloc
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from in_process_jobs import ShuffledSession, plan_arrays, run_arrays, run_plan
from numpy.typing import NDArray
from operation_contract import CODES, LAYOUTS, byte_orders, draw_values, lay_out

from arraymill.jobs.blocks import region_shape, whole_region
from arraymill.jobs.engine import changes_bits, split_stage
from arraymill.jobs.errors import CannotFitError, SpecError
from arraymill.jobs.headers import ArrayHeader
from arraymill.jobs.limits import Budget
from arraymill.jobs.operations import OPERATIONS
from arraymill.jobs.plans.planning import plan_job
from arraymill.jobs.stages.shapes import MapStage

NAMES = ("fft", "ifft", "rfft", "irfft")
SHAPES = ((), (0,), (1,), (2,), (5,), (16,), (0, 3), (3, 0), (3, 4), (4, 1, 7), (2, 3, 5), (130, 40), (3, 1009))


def relative_bound(n: int, u: float) -> float:
    """Return the error in the 2-norm, relative to the transform's, that torch is held to.

    Theorem 24.2 of Higham gives t eta, t = log2 n and eta = mu + gamma_4 (sqrt(2) + mu), which is below 7 u. A length
    that is no power of 2 may be padded to at most 4 n points, transformed three times.
    """
    steps = math.log2(n) if n & (n - 1) == 0 else 3 * math.log2(4 * n)
    return 7 * u * (steps + 1)


@st.composite
def cases(draw: st.DrawFn) -> tuple[NDArray[Any], dict[str, Any], int | None]:
    shape = draw(st.sampled_from(SHAPES))
    values = draw_values(shape, draw(st.sampled_from(CODES)), draw(st.integers(0, 999)))
    params = {
        "axis": draw(st.integers(-max(len(shape), 1), max(len(shape), 1) - 1)),
        "n": draw(st.sampled_from((None, None, 0, 1, 4, 9))),
        "norm": draw(st.sampled_from(("backward", "ortho", "forward"))),
    }
    n_blocks = draw(st.sampled_from((None, 1, 3, 20)))
    block_bytes = None if n_blocks is None else max(values.nbytes // n_blocks, 1)
    return lay_out(values, draw(st.sampled_from(LAYOUTS)), draw(byte_orders)), params, block_bytes


@pytest.mark.parametrize("backend", ["numpy", "torch-cpu"])
@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=40)
@given(case=cases())
def test_a_transform_is_numpys(name: str, backend: Any, case: Any) -> None:
    array, params, block_bytes = case
    native = array.astype(array.dtype.newbyteorder("="))
    try:
        expected = getattr(np.fft, name)(native, **params)
    except (ValueError, TypeError, IndexError):
        with pytest.raises(SpecError):
            plan_arrays(name, [array], params, backend=backend)
        return
    if not native.size:
        # numpy 2.4's irfft of no points reads one that is not there
        expected = np.zeros_like(expected)
    session = ShuffledSession(seed=1, n_workers=2)
    result = run_arrays(name, [array], params, backend=backend, block_bytes=block_bytes, session=session)
    assert (result.shape, result.dtype) == (expected.shape, expected.dtype)
    if backend == "numpy":
        np.testing.assert_array_equal(result, expected)
    elif result.size:
        check_lanes(name, native, params, result)


def check_lanes(name: str, x: NDArray[Any], params: dict[str, Any], result: NDArray[Any]) -> None:
    wide = x.astype(np.complex128 if x.dtype.kind == "c" else np.float64)
    expected, axis = getattr(np.fft, name)(wide, **params), params["axis"]
    n = params["n"] or (2 * (x.shape[axis] - 1) if name == "irfft" else x.shape[axis])
    limits = np.finfo(np.float64 if x.dtype.kind in "biu" else np.float32 if x.dtype == "f2" else x.dtype)
    norms = np.linalg.norm(expected, axis=axis, keepdims=True)
    # the half of a spectrum is as far off as the whole at most, which is sqrt(2) times as large
    allowed = math.sqrt(2) * relative_bound(n, float(limits.eps) / 2) * norms
    rounding = float(np.finfo(result.dtype).eps) * norms
    assert (np.linalg.norm(result - expected, axis=axis, keepdims=True) <= allowed + rounding).all()


@pytest.mark.parametrize("axis", [0, 1])
def test_where_memory_runs_out_lines_stay_whole(axis: int) -> None:
    x = np.random.default_rng(1).standard_normal((6, 40))
    plan = plan_arrays("rfft", [x], {"axis": axis})
    split = replace(plan, stage=split_stage(plan.stage, 2))
    assert split.stage.pieces == ((4, 10) if axis == 0 else (2, 21))
    np.testing.assert_array_equal(run_plan(split, [x]), np.fft.rfft(x, axis=axis))
    assert not changes_bits(plan.stage, 2)
    assert changes_bits(plan_arrays("rfft", [x], backend="torch-cpu").stage, 2)


def test_float32_stays_single_and_half_a_spectrum_of_halves_is_half() -> None:
    dtypes = {
        (name, code): plan_arrays(name, [np.ones(4, code)]).output.dtype.str[1:]
        for name, code in [("fft", "f4"), ("rfft", "f2"), ("irfft", "c8"), ("ifft", "i2"), ("irfft", "f2")]
    }
    assert list(dtypes.values()) == ["c8", "c8", "f4", "c16", "f2"]


def test_a_line_that_does_not_fit_is_refused_with_what_it_takes() -> None:
    header = ArrayHeader("x.npy", (4, 1 << 28), np.dtype("f8"))
    with pytest.raises(CannotFitError, match=r"a line of 268435456 points does not fit in memory: it takes"):
        plan_job(OPERATIONS["fft"], [header], {}, budget=Budget(8 << 30))


@pytest.mark.parametrize(("name", "code"), [("fft", "f4"), ("rfft", "i2"), ("irfft", "f2"), ("ifft", "c8")])
@pytest.mark.parametrize("axis", [0, 1])
def test_a_piece_takes_the_memory_that_was_planned(name: str, code: str, axis: int) -> None:
    plan = plan_arrays(name, [np.ones((512, 512), code)], {"axis": axis, "n": 512})
    region = whole_region(plan.stage.pieces)
    (read,) = plan.stage.operand_regions(region)
    tracemalloc.start()
    x, out = np.ones(region_shape(read), code), np.empty(plan.stage.pieces, plan.output.dtype)
    plan.stage.kernel.apply_into([x], out, region)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes <= plan.task_host_bytes


def test_an_axis_across_the_memory_order_is_read_in_wide_stripes() -> None:
    header = ArrayHeader("x.npy", (10_000, 1_000_000), np.dtype("f4"))
    plan = plan_job(OPERATIONS["fft"], [header], {"axis": 0}, budget=Budget(16 << 30))
    assert isinstance(plan.stage, MapStage)
    assert plan.stage.pieces[0] == 10_000
    assert plan.stage.pieces[1] >= 2000
    assert plan.task_host_bytes <= plan.limits.task_host_bytes
