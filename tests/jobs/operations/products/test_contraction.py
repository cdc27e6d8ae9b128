"""Facts of the stages of products: which tasks and tiles, on which device, and what they take and move."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arraymill.jobs.blocks import Grid, as_slices, ceil_div
from arraymill.jobs.engine.pieces import tile_pieces
from arraymill.jobs.headers import ArrayHeader
from arraymill.jobs.limits import Budget, Limits, Precision, limits_of
from arraymill.jobs.operations import OPERATIONS
from arraymill.jobs.stages.shapes import ContractStage, Draft

GB = 1 << 30
MATMUL = OPERATIONS["matmul"]


def on_gpu(*, device_gib: float = 8, precision: Precision = "standard", block_bytes: int | None = None) -> Limits:
    budget = Budget(64 * GB, int(device_gib * GB))
    return limits_of(budget, device="cuda", precision=precision, block_bytes=block_bytes)


def draft(a: tuple[int, ...], b: tuple[int, ...], limits: Limits, codes: tuple[str, str] = ("f4", "f4")) -> Draft:
    headers = [ArrayHeader(name, shape, np.dtype(code)) for name, shape, code in zip("ab", (a, b), codes, strict=True)]
    return MATMUL.build(headers, MATMUL.params(), limits)


def stage_of(made: Draft) -> ContractStage:
    assert isinstance(made.stage, ContractStage)
    return made.stage


def test_a_gpu_streams_a_square_product_once_through() -> None:
    side = 32768
    made = draft((side, side), (side, side), on_gpu())
    stage = stage_of(made)
    assert (stage.grid.n_blocks, stage.slab, stage.resident, stage.order) == (1, 2048, "b", "columns")
    assert made.moves.to_device_bytes == made.read_bytes == made.moves.least_in_bytes == 2 * 4 * side**2
    assert made.moves.from_device_bytes == 4 * side**2
    assert made.task_device_bytes <= on_gpu().task_device_bytes


@pytest.mark.parametrize(
    ("codes", "precision", "mode", "slab"),
    [
        (("f4", "f4"), "standard", "ieee", 2048),
        (("f4", "f4"), "strict", "fp64acc", 2048),
        (("f4", "f4"), "fast", "tf32", 4096),
        (("f4", "f4"), "fast-fp32", "3xtf32", 2048),
        (("f4", "f4"), "fast-bf16", "bf16", 8192),
        (("f2", "f2"), "standard", "fp16", 8192),
        (("f8", "f8"), "fast", "ieee", 2048),
        (("f4", "f8"), "fast", "ieee", 2048),
    ],
)
def test_the_mode_and_its_slab(codes: tuple[str, str], precision: Precision, mode: str, slab: int) -> None:
    stage = stage_of(draft((10_000, 20_000), (20_000, 10_000), on_gpu(precision=precision), codes))
    assert (stage.mode, stage.slab) == (mode, slab)


@pytest.mark.parametrize("precision", ["standard", "fast", "fast-fp32", "fast-bf16"])
def test_the_cpu_knows_no_tensor_cores(precision: Precision) -> None:
    made = draft((300, 200), (200, 300), limits_of(Budget(4 * GB), device="cpu", precision=precision))
    stage = stage_of(made)
    assert (stage.mode, stage.pieces, stage.resident, made.moves.to_device_bytes) == ("ieee", (), "none", 0)
    assert len(made.notes) == (precision != "standard")


def test_halves_cross_the_link_as_halves() -> None:
    made = draft((10_000, 10_000), (10_000, 10_000), on_gpu(), ("f2", "f2"))
    assert (made.moves.to_device_bytes, made.moves.from_device_bytes) == (4 * 10**8, 2 * 10**8)


@pytest.mark.parametrize("codes", [("i4", "i4"), ("?", "?"), ("c8", "c8"), ("i4", "f4")])
def test_what_is_not_of_floats_is_computed_as_on_the_cpu(codes: tuple[str, str]) -> None:
    made = draft((5000, 4000), (4000, 6000), on_gpu(), codes)
    assert (stage_of(made).pieces, made.task_device_bytes) == ((), made.task_host_bytes)


def test_small_matrices_share_a_task_and_large_ones_pass_one_by_one() -> None:
    small = stage_of(draft((10_000, 8, 8), (8, 8), on_gpu()))
    assert (small.pieces, small.grid.n_blocks) == ((), ceil_div(10_000, small.grid.chunks[0]))
    large = stage_of(draft((50, 8192, 8192), (8192, 8192), on_gpu()))
    assert large.pieces[0] == 1
    assert 1 < large.grid.chunks[0] < 50


def test_a_block_that_the_user_sized_is_a_task_of_one_tile() -> None:
    stage = stage_of(draft((9000, 9000), (9000, 9000), on_gpu(block_bytes=64 << 20)))
    assert stage.grid.n_blocks > 4
    assert stage.pieces == stage.grid.chunks[:2]


def test_a_long_inner_product_is_cut_along_k_in_whole_slabs() -> None:
    made = draft((64, 10**8), (10**8, 64), on_gpu())
    stage = stage_of(made)
    assert stage.n_parts == stage.grid.n_blocks > 8
    assert stage.grid.chunks[-1] % stage.slab == 0
    assert made.read_bytes == 2 * 64 * 4 * 10**8


def test_bytes_are_those_of_all_tasks_those_at_the_border_too() -> None:
    m, k, n = 70_001, 65_537, 60_003
    made = draft((m, k), (k, n), on_gpu(device_gib=60))
    stage = stage_of(made)
    down, across, _ = stage.grid.counts
    assert stage.grid.n_blocks > 1
    # each task's panels are resident or pass once
    assert made.read_bytes == 4 * k * (m * across + n * down)


@settings(max_examples=50)
@given(
    sides=st.tuples(*[st.integers(1, 200_000)] * 3),
    code=st.sampled_from(("f2", "f4", "f8", "c8", "i4")),
    precision=st.sampled_from(("strict", "standard", "fast", "fast-fp32", "fast-bf16")),
    device=st.sampled_from(("cpu", "cuda")),
    host_bits=st.integers(28, 38),
    device_bits=st.integers(20, 36),
)
def test_a_task_never_needs_more_than_it_may_take(
    sides: Any, code: str, precision: Any, device: Any, host_bits: int, device_bits: int
) -> None:
    m, n, k = sides
    limits = limits_of(Budget(1 << host_bits, 1 << device_bits), device=device, precision=precision)
    made = draft((m, k), (k, n), limits, (code, code))
    assert made.task_host_bytes <= limits.task_host_bytes
    assert made.task_device_bytes <= limits.task_device_bytes
    assert made.moves.least_in_bytes <= made.read_bytes


@settings(max_examples=50)
@given(
    sides=st.tuples(*[st.integers(1, 60)] * 3),
    tile=st.tuples(st.integers(1, 60), st.integers(1, 60)),
    block=st.tuples(st.integers(1, 60), st.integers(1, 60)),
    order=st.sampled_from(("rows", "columns")),
)
def test_tiles_cover_c_exactly_once_in_any_order(sides: Any, tile: Any, block: Any, order: Any) -> None:
    m, n, k = sides
    f4 = np.dtype("f4")
    grid = Grid((2, m, n, k), (2, *block, k))
    stage = ContractStage(grid, k, (2,), (), False, False, False, False, f4, f4, f4, pieces=(1, *tile), order=order)
    covered = np.zeros((2, m, n), int)
    for index in range(grid.n_blocks):
        for region in tile_pieces(stage, index):
            covered[as_slices(region)] += 1
    assert (covered == 1).all()


def test_tiles_that_follow_one_another_share_a_panel() -> None:
    side = 32768
    stage = stage_of(draft((side, side), (side, side), on_gpu(device_gib=1)))
    tiles = tile_pieces(stage, 0)
    assert len(tiles) > 4
    assert all(before[0] == after[0] or before[1] == after[1] for before, after in pairwise(tiles))
