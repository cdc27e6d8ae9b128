"""Facts of splits: smaller pieces of the same blocks, every element once, and bits that stay where that is said."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from in_process_jobs import plan_arrays, run_plan
from numpy.typing import NDArray

from arraymill.jobs.blocks import Grid, as_slices
from arraymill.jobs.engine import MOST_SPLITS, changes_bits, output_regions, split_stage
from arraymill.jobs.engine.splitting import can_split
from arraymill.jobs.stages.shapes import ConstantStage, ContractStage, MapStage, ReduceStage

F8 = np.dtype("f8")
KERNEL: Any = None


def contraction(dtype: Any = F8, **changes: Any) -> ContractStage:
    grid = Grid((4, 100, 60, 1000), (2, 50, 60, 500))
    return replace(ContractStage(grid, 400, (4,), (), False, False, False, False, dtype, dtype, dtype), **changes)


def test_pieces_are_halved_along_their_longest_axis() -> None:
    stage = MapStage(KERNEL, Grid((100, 100), (10, 100)), (10, 100), ((100, 100),))
    assert [split_stage(stage, n).pieces for n in range(5)] == [(10, 100), (10, 50), (10, 25), (10, 13), (10, 7)]
    assert split_stage(stage, 0) is stage


def test_axes_that_have_to_be_whole_are_not_halved() -> None:
    stage = MapStage(KERNEL, Grid((100, 100), (10, 100)), (10, 100), ((100, 100),), kept=(1,))
    assert [split_stage(stage, n).pieces for n in range(5)] == [(10, 100), (5, 100), (3, 100), (2, 100), (1, 100)]
    assert not can_split(stage, 5)


def test_maps_may_change_where_they_say_so() -> None:
    stage = MapStage(KERNEL, Grid((100,), (10,)), (10,), ((100,),))
    assert not changes_bits(stage, 1)
    assert changes_bits(replace(stage, is_exact=False), 1)
    assert not changes_bits(replace(stage, is_exact=False), 0)


def test_pieces_larger_than_a_block_are_those_of_the_block_first() -> None:
    stage = MapStage(KERNEL, Grid((100,), (10,)), (80,), ((100,),))
    assert split_stage(stage, 1).pieces == (5,)


def test_reduced_axes_are_halved_last() -> None:
    stage = ReduceStage(KERNEL, Grid((100, 8), (100, 4)), (100, 4), (0,))
    assert [split_stage(stage, n).pieces for n in range(5)] == [(100, 4), (100, 2), (100, 1), (50, 1), (25, 1)]


def test_a_part_of_a_region_keeps_its_kept_axes_whole() -> None:
    stage = ReduceStage(KERNEL, Grid((200, 4), (100, 4)), (100, 4), (0,))
    assert [split_stage(stage, n).pieces for n in (1, 6, 7, 8)] == [(50, 4), (2, 4), (1, 4), (1, 4)]
    assert not can_split(stage, 8)


def test_a_tile_is_halved_along_its_longest_side_and_slabs_to_a_floor() -> None:
    splits = [split_stage(contraction(), n) for n in range(1, 5)]
    assert [stage.pieces for stage in splits] == [(2, 50, 30), (2, 25, 30), (2, 25, 15), (2, 13, 15)]
    assert [stage.slab for stage in splits] == [200, 100, 64, 64]
    assert split_stage(contraction(slab=7), 1).slab == 7


def test_a_split_product_keeps_its_order_and_no_panel_on_the_device() -> None:
    stage = contraction(pieces=(1, 25, 60), order="columns", resident="b")
    split = split_stage(stage, 1)
    assert (split.pieces, split.order, split.resident) == ((1, 25, 30), "columns", "none")


def test_a_constant_is_as_small_as_it_can_be() -> None:
    stage = ConstantStage(np.zeros(3))
    assert split_stage(stage, 3) is stage
    assert not changes_bits(stage, 3)
    assert output_regions(stage, 0) == []


def test_the_smallest_pieces_cannot_be_split() -> None:
    stage = MapStage(KERNEL, Grid((4,), (4,)), (4,), ((4,),))
    assert [can_split(stage, n) for n in (1, 2, 3)] == [True, True, False]
    large = MapStage(KERNEL, Grid((1 << 40,), (1 << 40,)), (1 << 40,), ((1 << 40,),))
    assert [can_split(large, n) for n in (1, MOST_SPLITS, MOST_SPLITS + 1)] == [True, True, False]


@pytest.mark.parametrize(
    ("name", "code", "expected"),
    [
        *(("sum", "f4", True), ("sum", "i4", False), ("mean", "i4", True), ("prod", "i8", False), ("prod", "f8", True)),
        *(("max", "i8", False), ("max", "f8", True), ("argmax", "f8", False), ("any", "f4", False)),
        *(("count_nonzero", "c8", False), ("var", "f8", True), ("norm", "f8", True)),
    ],
)
def test_which_reductions_may_change(name: str, code: str, expected: bool) -> None:
    stage: Any = plan_arrays(name, [np.ones((20, 30), code)]).stage
    assert (changes_bits(stage, 1), changes_bits(stage, 0)) == (expected, False)


@pytest.mark.parametrize(("dtype", "expected"), [("f4", True), ("c16", True), ("i8", False), ("u8", False)])
def test_which_products_may_change(dtype: str, expected: bool) -> None:
    assert changes_bits(contraction(np.dtype(dtype)), 1) is expected


@st.composite
def stages(draw: st.DrawFn) -> Any:
    shape = tuple(draw(st.lists(st.integers(1, 9), min_size=1, max_size=3)))
    chunks = tuple(draw(st.integers(1, n)) for n in shape)
    pieces = tuple(draw(st.integers(1, n)) for n in chunks)
    kind = draw(st.sampled_from(("map", "reduce", "contract")))
    if kind == "map":
        return MapStage(KERNEL, Grid(shape, chunks), pieces, (shape,))
    if kind == "reduce":
        # whole along the reduced axes: each block makes a region by itself
        axes = tuple(axis for axis in range(len(shape)) if draw(st.booleans()))
        chunks = tuple(n if axis in axes else c for axis, (n, c) in enumerate(zip(shape, chunks, strict=True)))
        return ReduceStage(KERNEL, Grid(shape, chunks), pieces, axes, draw(st.booleans()))
    shape = (*shape, *(1,) * (2 - len(shape)))
    chunks = (*chunks, *(1,) * (2 - len(chunks)))
    return contraction(grid=Grid((*shape, 5), (*chunks, 5)))


@given(stages(), st.integers(0, MOST_SPLITS))
def test_however_it_is_split_a_block_writes_each_of_its_elements_once(stage: Any, n_splits: int) -> None:
    for index in range(stage.grid.n_blocks):
        region = stage.output_region(index)
        count = np.zeros([stop for _, stop in region], int)
        for written in output_regions(stage, index, n_splits):
            count[as_slices(written)] += 1
        assert count[as_slices(region)].min() == count[as_slices(region)].max() == 1
        assert count.sum() == count[as_slices(region)].size


def test_a_part_writes_nothing() -> None:
    assert output_regions(contraction(), 0) == []


EXPRESSIONS = ("x * 2 + 1", "exp(x) * sin(x) + tanh(x)", "where(x > 0, x ** 1.7, log1p(abs(x)))")


@settings(max_examples=30)
@given(st.sampled_from(EXPRESSIONS), st.sampled_from(("f4", "f8")), st.integers(1, MOST_SPLITS), st.booleans())
def test_a_map_keeps_its_bits(expr: str, code: str, n_splits: int, is_fortran: bool) -> None:
    x = (np.random.default_rng(n_splits).standard_normal((37, 53)) * 3).astype(code)
    check_bits("map", [np.asfortranarray(x) if is_fortran else x], {"expr": expr}, n_splits)


EXACT = ("argmin", "argmax", "any", "all", "count_nonzero", "nanargmax")


@pytest.mark.parametrize("n_splits", [1, 4, 8])
@pytest.mark.parametrize("axis", [None, 0, 1])
@pytest.mark.parametrize("name", EXACT)
def test_an_exact_reduction_keeps_its_bits(name: str, axis: int | None, n_splits: int) -> None:
    x = np.random.default_rng(2).integers(-3, 3, (37, 53)).astype("f8")
    check_bits(name, [x], {"axis": axis}, n_splits)


@pytest.mark.parametrize("n_splits", [1, 4, 8])
@pytest.mark.parametrize("name", ["sum", "prod", "max", "min", "ptp"])
def test_integers_keep_their_bits(name: str, n_splits: int) -> None:
    x = np.random.default_rng(2).integers(-(2**62), 2**62, (37, 53))
    for axis in (None, 0, 1):
        check_bits(name, [x], {"axis": axis}, n_splits)


@pytest.mark.parametrize("n_splits", [1, 4, 8])
def test_a_product_of_integers_keeps_its_bits(n_splits: int) -> None:
    rng = np.random.default_rng(2)
    check_bits("matmul", [rng.integers(-99, 99, (37, 150)), rng.integers(-99, 99, (150, 53))], {}, n_splits)


@pytest.mark.parametrize("n_splits", [1, 4, 8])
@pytest.mark.parametrize(("name", "params"), [("sum", {"axis": 0}), ("std", {"axis": 1}), ("norm", {}), ("mean", {})])
def test_a_rounded_reduction_stays_close(name: str, params: dict[str, Any], n_splits: int) -> None:
    x = np.random.default_rng(2).random((37, 53)) + 0.5
    whole, split = both(name, [x], params, n_splits)
    # terms of one sign: n - 1 additions and a few roundings of each side
    assert np.abs(split - whole).max() <= 4 * x.size * 2.0**-53 * np.abs(whole).max()


@pytest.mark.parametrize("n_splits", [1, 4, 8])
def test_a_product_of_floats_stays_close(n_splits: int) -> None:
    rng = np.random.default_rng(2)
    a, b = rng.random((37, 150)), rng.random((150, 53))
    whole, split = both("matmul", [a, b], {}, n_splits)
    # (Higham 2002, equation 3.13), on either side
    assert np.abs(split - whole).max() <= 2 * 150 * 2.0**-53 * (a @ b).max()


def both(
    name: str, arrays: list[NDArray[Any]], params: dict[str, Any], n_splits: int
) -> tuple[NDArray[Any], NDArray[Any]]:
    plan: Any = plan_arrays(name, arrays, params, block_bytes=6000)
    split = replace(plan, stage=split_stage(plan.stage, n_splits))
    return run_plan(plan, arrays), run_plan(split, arrays)


def check_bits(name: str, arrays: list[NDArray[Any]], params: dict[str, Any], n_splits: int) -> None:
    stage: Any = plan_arrays(name, arrays, params, block_bytes=6000).stage
    assert not changes_bits(stage, n_splits)
    whole, split = both(name, arrays, params, n_splits)
    assert whole.tobytes() == split.tobytes()
