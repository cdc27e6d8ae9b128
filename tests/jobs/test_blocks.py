"""Facts of blocks: a grid covers every element once, and chunk shapes keep what they promise."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arraymill.jobs.blocks import (
    Grid,
    Shape,
    as_slices,
    broadcast_region,
    ceil_div,
    even_chunk,
    merged_ranges,
    offset_region,
    region_shape,
    row_major_chunks,
    whole_region,
)

SHAPES = st.lists(st.integers(0, 7), max_size=4).map(tuple)
FULL_SHAPES = st.lists(st.integers(1, 7), max_size=4).map(tuple)


@st.composite
def grids(draw: st.DrawFn) -> Grid:
    shape = draw(SHAPES)
    return Grid(shape, tuple(draw(st.integers(1, 9)) for _ in shape))


@given(grids())
def test_every_element_lies_in_exactly_one_block(grid: Grid) -> None:
    times_covered = np.zeros(grid.shape, dtype=int)
    for region in grid.regions():
        times_covered[as_slices(region)] += 1
    assert (times_covered == 1).all()


@given(grids())
def test_no_block_is_empty_and_none_is_larger_than_a_chunk(grid: Grid) -> None:
    for region in grid.regions():
        assert all(0 < n <= c for n, c in zip(region_shape(region), grid.chunks, strict=True))


@given(grids())
def test_regions_come_in_block_order(grid: Grid) -> None:
    regions = list(grid.regions())
    assert len(regions) == grid.n_blocks
    assert [grid.region(index) for index in range(grid.n_blocks)] == regions
    assert regions == sorted(regions)


@given(grids())
def test_position_is_the_unravelled_index(grid: Grid) -> None:
    for index in range(grid.n_blocks):
        assert grid.position(index) == tuple(int(i) for i in np.unravel_index(index, grid.counts))


def test_a_scalar_is_one_block() -> None:
    assert list(Grid((), ()).regions()) == [()]


def test_a_zero_axis_leaves_no_block() -> None:
    assert list(Grid((3, 0), (2, 2)).regions()) == []


def test_only_the_last_block_of_an_axis_is_short() -> None:
    assert [region_shape(region) for region in Grid((5,), (2,)).regions()] == [(2,), (2,), (1,)]


def test_a_grid_needs_one_chunk_length_per_axis() -> None:
    with pytest.raises(ValueError, match="argument 2 is shorter"):
        _ = Grid((5, 4), (2,)).counts


@given(st.integers(0, 10**18), st.integers(1, 10**6))
def test_ceil_div_is_exact(numerator: int, denominator: int) -> None:
    quotient = ceil_div(numerator, denominator)
    assert (quotient - 1) * denominator < numerator <= quotient * denominator


@given(st.integers(0, 10**12), st.integers(1, 10**9), st.sampled_from([1, 2, 8, 128]))
def test_an_even_chunk_is_within_its_limit(length: int, largest: int, multiple: int) -> None:
    assert 1 <= even_chunk(length, largest, multiple=multiple) <= largest


@given(st.integers(1, 10**12), st.integers(1, 10**9))
def test_even_chunks_are_as_few_as_fit(length: int, largest: int) -> None:
    assert ceil_div(length, even_chunk(length, largest)) == ceil_div(length, largest)


@given(st.integers(1, 10**6), st.integers(1, 10**6), st.sampled_from([2, 8, 128]))
def test_a_cut_axis_gets_a_multiple_where_one_fits(length: int, largest: int, multiple: int) -> None:
    chunk = even_chunk(length, largest, multiple=multiple)
    assert chunk == length or largest < multiple or chunk % multiple == 0


@given(FULL_SHAPES, st.integers(1, 600))
def test_row_major_blocks_are_at_most_largest(shape: Shape, largest: int) -> None:
    assert math.prod(row_major_chunks(shape, largest)) <= largest


@given(SHAPES, st.integers(1, 600), st.sampled_from([1, 2, 4]))
def test_row_major_blocks_are_contiguous_and_in_order(shape: Shape, largest: int, multiple: int) -> None:
    numbered = np.arange(math.prod(shape)).reshape(shape)
    grid = Grid(shape, row_major_chunks(shape, largest, multiple=multiple))
    blocks = [numbered[as_slices(region)] for region in grid.regions()]
    # Laid end to end, the blocks are the file: one sequential read, each block one run of bytes.
    assert np.array_equal(np.concatenate([np.ravel(block) for block in blocks] or [numbered.ravel()]), numbered.ravel())
    assert all(block.flags.c_contiguous for block in blocks)


@given(FULL_SHAPES, st.integers(1, 600))
def test_trailing_axes_are_whole_while_they_fit(shape: Shape, largest: int) -> None:
    chunks = row_major_chunks(shape, largest)
    for axis in range(len(shape)):
        if math.prod(shape[axis:]) <= largest:
            assert chunks[axis] == shape[axis]


@given(grids(), st.data())
def test_an_operand_region_pairs_as_numpy_broadcasts(grid: Grid, data: st.DataObject) -> None:
    kept = tuple(n if data.draw(st.booleans()) else 1 for n in grid.shape)
    operand_shape = kept[data.draw(st.integers(0, len(kept))) :]
    operand = np.arange(math.prod(operand_shape)).reshape(operand_shape)
    result = np.broadcast_to(operand, grid.shape)
    for region in grid.regions():
        block = operand[as_slices(broadcast_region(region, operand_shape))]
        assert np.array_equal(np.broadcast_to(block, region_shape(region)), result[as_slices(region)])


@given(grids(), st.integers(0, 100))
def test_a_moved_region_keeps_its_shape(grid: Grid, step: int) -> None:
    origin = [step] * len(grid.shape)
    for region in grid.regions():
        moved = offset_region(region, origin)
        assert region_shape(moved) == region_shape(region)
        assert offset_region(moved, [-step] * len(grid.shape)) == region


@given(SHAPES)
def test_the_whole_region_has_the_shape(shape: Shape) -> None:
    assert region_shape(whole_region(shape)) == shape


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30))))
def test_merged_ranges_hold_the_same_integers_in_order_and_apart(ranges: list[tuple[int, int]]) -> None:
    merged = merged_ranges(ranges)
    assert {i for bounds in merged for i in range(*bounds)} == {i for bounds in ranges for i in range(*bounds)}
    ends = [end for bounds in merged for end in bounds]
    assert ends == sorted(set(ends))
