"""Facts of the blocks of reductions: contiguous where partials are small, stripes where they are not."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from in_process_jobs import plan_arrays, run_arrays
from operation_contract import REDUCTIONS

from arraymill.jobs.errors import SpecError
from arraymill.jobs.headers import ArrayHeader
from arraymill.jobs.limits import Limits
from arraymill.jobs.operations import OPERATIONS
from arraymill.jobs.operations.reductions.reduction import block_chunks, collapse_piece

PARTIAL = 32 << 10


@given(
    shape=st.lists(st.integers(1, 10**4), min_size=1, max_size=4).map(tuple),
    chosen=st.sets(st.integers(0, 3)),
    target=st.integers(1, 1 << 26),
)
def test_blocks_are_bounded_and_their_partials_too(shape: tuple[int, ...], chosen: set[int], target: int) -> None:
    axes = tuple(sorted(axis for axis in chosen if axis < len(shape)))
    chunks = block_chunks(shape, axes, target)
    kept = math.prod(c for axis, c in enumerate(chunks) if axis not in axes)
    assert all(1 <= c <= n for c, n in zip(chunks, shape, strict=True))
    assert all(chunks[axis] == shape[axis] for axis in axes) or kept <= PARTIAL
    assert math.prod(chunks) <= max(target, PARTIAL)


def test_rows_of_the_last_axis_stay_whole() -> None:
    assert block_chunks((10**6, 1000), (1,), 1 << 20, multiple=128) == (1024, 1000)


def test_very_wide_arrays_are_cut_into_stripes() -> None:
    rows, columns = block_chunks((10_000, 10**7), (0,), 1 << 24)
    # a partial of ten million columns would be as large as what it was made of
    assert columns <= PARTIAL < 10**7
    assert rows > 100


def test_stripes_of_few_rows_need_no_partials() -> None:
    assert block_chunks((8, 10**7), (0,), 1 << 20)[0] == 8


@pytest.mark.parametrize("order", ["C", "F"])
def test_a_task_returns_one_partial_of_the_kept_axes(order: Any) -> None:
    header = ArrayHeader("x", (10**6, 500), np.dtype("f4"), order)
    stage: Any = OPERATIONS["sum"].build([header], OPERATIONS["sum"].params(), Limits()).stage
    assert stage.n_parts == stage.grid.n_blocks
    stage = OPERATIONS["sum"].build([header], OPERATIONS["sum"].params.model_validate({"axis": 0}), Limits()).stage
    kept = 0 if order == "F" else 1
    complete = all(stage.grid.chunks[axis] == stage.grid.shape[axis] for axis in stage.axes)
    assert complete or stage.pieces[kept] == stage.grid.chunks[kept]


@pytest.mark.parametrize(("shape", "axis"), [((0, 3), 0), ((3, 0), 0), ((0,), None), ((2, 0, 4), (0, 2))])
def test_an_empty_array_is_answered_from_its_shape(shape: tuple[int, ...], axis: Any) -> None:
    plan = plan_arrays("sum", [np.zeros(shape)], {"axis": axis})
    assert (plan.n_blocks, plan.read_bytes, plan.flops) == (0, 0, 0)
    assert plan.output.shape == np.zeros(shape).sum(axis=axis).shape


def test_a_piece_of_one_element_keeps_an_axis() -> None:
    assert collapse_piece(np, np.ones((1, 1)), (0,))[0].shape == (1,)


@pytest.mark.parametrize("name", REDUCTIONS)
@pytest.mark.parametrize("axis", [0, -1, 1, (0,), ()])
def test_axis_0_of_a_single_number_is_taken_where_numpy_takes_it(name: str, axis: Any) -> None:
    operation, x = OPERATIONS[name], np.array(-3.0)
    try:
        want = np.asarray(operation.oracle([x], operation.params(axis=axis)))
    except (ValueError, TypeError):
        with pytest.raises((SpecError, ValueError)):
            run_arrays(name, [x], {"axis": axis})
        return
    got = run_arrays(name, [x], {"axis": axis})
    assert (got.shape, got.dtype) == (want.shape, want.dtype)
    np.testing.assert_array_equal(got, want)
