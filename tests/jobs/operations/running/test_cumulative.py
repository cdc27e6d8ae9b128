"""cumsum and cumprod: NumPy's shapes, dtypes, integers; floats within the bound of their runs; always the same bits."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from in_process_jobs import ShuffledSession, plan_arrays, run_arrays, run_chain_plan
from numpy.typing import NDArray
from operation_contract import CODES, LAYOUTS, U64, byte_orders, check_within, draw_values, lay_out

from arraymill.jobs.engine import split_stage
from arraymill.jobs.errors import CannotFitError, SpecError
from arraymill.jobs.headers import ArrayHeader
from arraymill.jobs.limits import Budget
from arraymill.jobs.operations import OPERATIONS
from arraymill.jobs.operations.running.cumulative_plan import run_length
from arraymill.jobs.plans.chains import plan_operation

SHAPES = ((), (0,), (1,), (2,), (9,), (0, 3), (3, 0), (3, 4), (4, 1, 7), (2, 3, 5), (130, 40))
LONG = ((70_000,), (3, 40_000), (40_000, 2), (150, 1100), (2, 140, 1025))


def draw_case(draw: Any, name: str) -> tuple[NDArray[Any], dict[str, Any], int | None]:
    shape = draw(st.sampled_from(SHAPES) | st.sampled_from(LONG))
    values = draw_values(shape, draw(st.sampled_from(CODES)), draw(st.integers(0, 999)))
    if name == "cumprod" and values.dtype.kind == "c":
        # a product of complex numbers that overflows is NaN in the reference, whose overflow comes at another place
        values /= np.abs(values)
    if values.size and values.dtype.kind in "fc":
        special = (np.nan, np.inf, -np.inf) if values.dtype.kind == "f" else (np.nan,)
        for where in draw(st.lists(st.integers(0, values.size - 1), max_size=2)):
            values.flat[where] = draw(st.sampled_from(special))
    names = {"f": (None, "float64", "float32"), "c": (None,)}.get(values.dtype.kind, (None, "uint8", "int32", "bool"))
    bound = max(len(shape), 1)
    params = {"axis": draw(st.none() | st.integers(-bound, bound)), "dtype": draw(st.sampled_from(names))}
    n_blocks = draw(st.sampled_from((None, 1, 3, 40)))
    block_bytes = None if n_blocks is None else max(values.nbytes // n_blocks, 1)
    return lay_out(values, draw(st.sampled_from(LAYOUTS)), draw(byte_orders)), params, block_bytes


@pytest.mark.parametrize("backend", ["numpy", "torch-cpu"])
@pytest.mark.parametrize("name", ["cumsum", "cumprod"])
@settings(max_examples=60)
@given(data=st.data())
def test_running_sums_and_products_are_numpys(name: str, backend: Any, data: st.DataObject) -> None:
    array, params, block_bytes = draw_case(data.draw, name)
    native = array.astype(array.dtype.newbyteorder("="))
    try:
        with np.errstate(all="ignore"):
            expected = getattr(np, name)(native, **params)
    except ValueError:
        with pytest.raises(SpecError):
            plan_arrays(name, [array], params, backend=backend)
        return
    session = ShuffledSession(seed=1, n_workers=2)
    result = run_arrays(name, [array], params, backend=backend, block_bytes=block_bytes, session=session)
    assert (result.shape, result.dtype) == (expected.shape, expected.dtype)
    if result.dtype.kind in "biu":
        np.testing.assert_array_equal(result, expected)
    elif result.size:
        check_floats(name, native.astype(params["dtype"] or native.dtype), params["axis"], result)


def check_floats(name: str, x: NDArray[Any], axis: int | None, result: NDArray[Any]) -> None:
    wide = x.astype(np.clongdouble if x.dtype.kind == "c" else np.longdouble)
    length = result.shape[axis or 0]
    with np.errstate(all="ignore"):
        want = getattr(np, name)(wide, axis=axis)
        # as many roundings as the module's docstring counts, with runs of any length; complex products cost 3 u each
        roundings = 36 + 32768 // 32 + length / 64
        sizes = np.cumsum(np.abs(wide), axis=axis) if name == "cumsum" else 3 * np.abs(want)
        check_within(result, want, roundings * U64 * sizes)


@pytest.mark.parametrize("name", ["cumsum", "cumprod"])
@pytest.mark.parametrize("code", ["f4", "f8"])
@pytest.mark.parametrize("shape", LONG)
def test_the_bits_depend_on_neither_blocks_nor_memory(name: str, code: str, shape: tuple[int, ...]) -> None:
    x = draw_values(shape, code, 3 if name == "cumsum" else 9)
    for axis in (None, *range(len(shape))):
        whole = run_arrays(name, [x], {"axis": axis})
        for n_blocks in (3, 40):
            session = ShuffledSession(seed=n_blocks, n_workers=3)
            cut = run_arrays(name, [x], {"axis": axis}, block_bytes=x.nbytes // n_blocks, session=session)
            assert cut.tobytes() == whole.tobytes()


@pytest.mark.parametrize("name", ["cumsum", "cumprod"])
@pytest.mark.parametrize("block_bytes", [None, 1])
def test_pieces_that_were_halved_have_the_same_bits(name: str, block_bytes: int | None) -> None:
    x = draw_values((40_000, 2), "f8", 9)
    plan = plan_arrays(name, [x], {"axis": 0}, block_bytes=block_bytes)
    steps = [replace(step, plan=replace(step.plan, stage=split_stage(step.plan.stage, 3))) for step in plan.steps]
    last = steps[-1].plan.stage
    assert last.pieces == ((40_000, 1) if block_bytes is None else (4096, 2))
    split = run_chain_plan(replace(plan, steps=tuple(steps)), [x])
    assert split[plan.outputs[0][0]].tobytes() == run_arrays(name, [x], {"axis": 0}).tobytes()


def test_sums_of_what_is_not_negative_do_not_decrease() -> None:
    x = np.abs(draw_values((100_000,), "f8", 1)) * (draw_values((100_000,), "f8", 2) > 0)
    for dtype in ("float64", "float32"):
        assert (np.diff(run_arrays("cumsum", [x], {"dtype": dtype}, block_bytes=1)) >= 0).all()


def test_signs_of_zero_and_products_after_an_overflow() -> None:
    zeros = run_arrays("cumsum", [np.full(100_000, -0.0)], block_bytes=1)
    assert np.signbit(zeros).all()
    steep = np.repeat([1e-200, 1e200], 40_000)
    product = run_arrays("cumprod", [steep], block_bytes=1)
    assert (product[2], product[40_000]) == (0, 0)
    assert product[-1] == pytest.approx(1, rel=1e-9)


def planned(shape: tuple[int, ...], axis: int | None, memory: int = 8 << 30, order: Any = "C") -> Any:
    header = ArrayHeader("x.npy", shape, np.dtype("f4"), order)
    return plan_operation(OPERATIONS["cumsum"], [header], {"axis": axis}, budget=Budget(memory))


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize(
    ("shape", "axis"), [((10**12,), 0), ((10**6, 10**6), 0), ((10**6, 10**6), 1), ((10**6, 10**6), None),
                        ((10**5, 2000, 5000), 1), ((50, 2 * 10**10), 0), ((10**11, 10), 0)]
)  # fmt: skip
def test_terabytes_are_planned_in_little_memory_and_two_reads(shape: Any, axis: Any, order: Any) -> None:
    plan = planned(shape, axis, order=order)
    assert plan.task_host_bytes <= plan.limits.task_host_bytes
    assert plan.read_bytes <= 2.2 * 4 * 10**12
    assert 100 <= plan.n_blocks <= 200_000


def test_lines_that_fit_are_read_once() -> None:
    assert len(planned((10**6, 10_000), 1).steps) == 1
    assert len(planned((1000, 10**6), 0).steps) == 1
    assert len(planned((10**9,), 0).steps) == 3


def test_what_is_read_twice_or_in_short_runs_is_noted() -> None:
    assert [len(planned((10**5, 10**5), None, order=order).notes) for order in "CF"] == [1, 2]


def test_too_little_memory_for_a_run_is_refused() -> None:
    with pytest.raises(CannotFitError, match=r"--memory \d+MB or more"):
        planned((10**9,), 0, memory=1 << 20)


def test_imaginary_parts_are_not_dropped() -> None:
    with pytest.raises(SpecError, match="imaginary"):
        plan_arrays("cumsum", [np.ones(3, complex)], {"dtype": "float64"})


def test_runs_are_groups_of_a_cache() -> None:
    assert [run_length((10**8, n), 0) for n in (1, 3, 100, 10**6)] == [32768, 16384, 512, 64]
