"""Facts of stages: which region of the output a block belongs to, and which part of it it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arraymill.jobs.blocks import Grid, Region, as_slices
from arraymill.jobs.stages.inputs import input_regions
from arraymill.jobs.stages.shapes import ConstantStage, ContractStage, MapStage, ReduceStage

KERNEL: Any = None
F8 = np.dtype("f8")


@st.composite
def reductions(draw: st.DrawFn) -> ReduceStage:
    shape = tuple(draw(st.lists(st.integers(1, 7), max_size=4)))
    chunks = tuple(draw(st.integers(1, n)) for n in shape)
    axes = tuple(axis for axis in range(len(shape)) if draw(st.booleans()))
    return ReduceStage(KERNEL, Grid(shape, chunks), chunks, axes, draw(st.booleans()))


@given(reductions())
def test_parts_of_a_region_count_up_with_the_block_number(stage: ReduceStage) -> None:
    parts: dict[Any, list[int]] = {}
    for index in range(stage.grid.n_blocks):
        parts.setdefault(stage.output_region(index), []).append(stage.part(index))
    assert all(numbers == list(range(stage.n_parts)) for numbers in parts.values())


@given(reductions())
def test_output_regions_of_a_reduction_cover_the_output_once(stage: ReduceStage) -> None:
    kept = [
        1 if a in stage.axes else n for a, n in enumerate(stage.grid.shape) if stage.keepdims or a not in stage.axes
    ]
    covered = np.zeros(kept, int)
    for region in {stage.output_region(index) for index in range(stage.grid.n_blocks)}:
        covered[as_slices(region)] += 1
    assert (covered == 1).all()


def test_a_map_stage_pairs_regions_as_numpy_broadcasts() -> None:
    stage = MapStage(KERNEL, Grid((4, 6), (2, 6)), (1, 6), ((4, 6), (6,), (4, 1)))
    region = stage.output_region(1)
    assert stage.operand_regions(region) == (((2, 4), (0, 6)), ((0, 6),), ((2, 4), (0, 1)))
    assert (stage.n_parts, stage.part(1)) == (1, 0)


def contraction(*, a_vector: bool, b_vector: bool, parts: int) -> ContractStage:
    grid = Grid((3, 4, 5, 8), (1, 4, 5, 8 // parts))
    return ContractStage(grid, 8, (3,), (3,), False, False, a_vector, b_vector, F8, F8, F8)


@pytest.mark.parametrize(
    ("a_vector", "b_vector", "expected"),
    [
        (False, False, ((2, 3), (0, 4), (0, 5))),
        (True, False, ((2, 3), (0, 5))),
        (False, True, ((2, 3), (0, 4))),
        (True, True, ((2, 3),)),
    ],
)
def test_the_axis_added_to_a_vector_is_not_in_the_output(a_vector: bool, b_vector: bool, expected: Any) -> None:
    stage = contraction(a_vector=a_vector, b_vector=b_vector, parts=1)
    assert stage.output_region(2) == expected


def test_ranges_of_k_are_the_parts_of_a_tile() -> None:
    stage = contraction(a_vector=False, b_vector=False, parts=2)
    assert (stage.n_parts, [stage.part(index) for index in range(4)]) == (2, [0, 1, 0, 1])
    assert stage.output_region(0) == stage.output_region(1) != stage.output_region(2)


def test_a_constant_has_no_blocks() -> None:
    assert ConstantStage(np.zeros(3)).grid.n_blocks == 0


@dataclass(frozen=True)
class Swapped:
    """What a transposition reads."""

    def regions(self, region: Region) -> tuple[Region, ...]:
        return (region[::-1],)


def test_a_layout_says_what_a_region_is_made_of() -> None:
    stage = MapStage(KERNEL, Grid((4, 6), (2, 6)), (1, 6), ((6, 4),), layout=Swapped())
    assert stage.operand_regions(stage.output_region(1)) == (((0, 6), (2, 4)),)
    assert input_regions(stage, 1) == (((0, 6), (2, 4)),)
