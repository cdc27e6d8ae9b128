"""diff is NumPy's to the last bit: also of booleans, of unsigned integers that wrap, and where pieces are cut."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from in_process_jobs import ShuffledSession, plan_arrays, run_arrays
from numpy.typing import NDArray
from operation_contract import CODES, LAYOUTS, byte_orders, draw_values, lay_out

from arraymill.jobs.engine.pieces import map_pieces
from arraymill.jobs.errors import CannotFitError, SpecError
from arraymill.jobs.headers import ArrayHeader
from arraymill.jobs.limits import Budget
from arraymill.jobs.operations import OPERATIONS
from arraymill.jobs.plans.planning import Plan, plan_job
from arraymill.jobs.stages.shapes import MapStage

SHAPES = ((), (0,), (1,), (2,), (9,), (0, 3), (3, 0), (3, 4), (4, 1, 7), (2, 3, 5), (130, 40), (3, 9000))


@st.composite
def cases(draw: st.DrawFn) -> tuple[NDArray[Any], dict[str, Any], int | None]:
    shape = draw(st.sampled_from(SHAPES))
    values = draw_values(shape, draw(st.sampled_from(CODES)), draw(st.integers(0, 999)))
    if values.size and values.dtype.kind in "fc":
        values.flat[draw(st.integers(0, values.size - 1))] = draw(st.sampled_from((np.nan, np.inf, 1.0)))
    n, bound = draw(st.sampled_from((1, 1, 1, 0, 2, 3, 8, -1))), max(len(shape), 1)
    params = {"n": n, "axis": draw(st.integers(-bound, bound))}
    n_blocks = draw(st.sampled_from((None, 1, 3, 40)))
    block_bytes = None if n_blocks is None else max(values.nbytes // n_blocks, 1)
    return lay_out(values, draw(st.sampled_from(LAYOUTS)), draw(byte_orders)), params, block_bytes


@pytest.mark.parametrize("backend", ["numpy", "torch-cpu"])
@settings(max_examples=150)
@given(case=cases())
def test_differences_are_numpys(backend: Any, case: Any) -> None:
    array, params, block_bytes = case
    native = array.astype(array.dtype.newbyteorder("="))
    try:
        with np.errstate(all="ignore"):
            expected = np.diff(native, **params)
    except (ValueError, IndexError):
        with pytest.raises(SpecError):
            plan_arrays("diff", [array], params, backend=backend)
        return
    session = ShuffledSession(seed=1, n_workers=2)
    result = run_arrays("diff", [array], params, backend=backend, block_bytes=block_bytes, session=session)
    assert (result.shape, result.dtype) == (expected.shape, expected.dtype)
    np.testing.assert_array_equal(result, expected)


def test_infinite_complex_numbers_keep_their_other_part_on_torch() -> None:
    x = np.array([complex(np.inf, 0), 1 + 2j, 3 + 4j], "c8")
    for n in (0, 1):
        np.testing.assert_array_equal(run_arrays("diff", [x], {"n": n}, backend="torch-cpu"), np.diff(x, n))


def plan(shape: tuple[int, ...], memory: int = 1 << 30, **params: Any) -> Plan:
    return plan_job(OPERATIONS["diff"], [ArrayHeader("x.npy", shape, np.dtype("f8"))], params, budget=Budget(memory))


@pytest.mark.parametrize("n", [1, 5])
@pytest.mark.parametrize("shape", [(10**6, 10**6), (10**12,), (1000, 1000, 10**6)])
def test_little_is_read_twice(shape: tuple[int, ...], n: int) -> None:
    for axis in range(len(shape)):
        made = plan(shape, n=n, axis=axis)
        assert made.read_bytes <= 1.1 * 8 * 10**12
        assert made.task_host_bytes <= made.limits.task_host_bytes


def test_the_bytes_read_are_counted() -> None:
    made = plan((10**8,), n=2)
    assert isinstance(made.stage, MapStage)
    pieces = [piece for index in range(made.n_blocks) for piece in map_pieces(made.stage, index)]
    lengths = [stop - start for piece in pieces for start, stop in made.stage.operand_regions(piece)[0]]
    assert len(pieces) > 300
    assert made.read_bytes == pytest.approx(8 * sum(lengths), rel=1e-6)


def test_more_differences_than_fit_at_once_are_refused() -> None:
    with pytest.raises(CannotFitError, match="50000001 neighbours at once do not fit"):
        plan((10**9,), n=50_000_000)
