"""Facts of tiles on the CPU: they fit, they fill the cores, and k is cut where there are few of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arraymill.jobs.blocks import ceil_div
from arraymill.jobs.errors import CannotFitError
from arraymill.jobs.operations.products.tiles import Tile, choose_parts, choose_tile

SIDES = st.integers(1, 10**6)
FLOPS = 1e11
"""Of one core."""


def single(m: int, n: int, k: int, budget: int = 640 << 20) -> Tile:
    return choose_tile(m, n, k, panel_itemsize=4, tile_itemsize=4, budget_bytes=budget)


def n_tiles(tile: Tile, m: int, n: int) -> int:
    return ceil_div(m, tile.rows) * ceil_div(n, tile.columns)


@given(
    m=SIDES,
    n=SIDES,
    k=SIDES,
    panel=st.sampled_from((4, 8, 12, 16)),
    tile=st.sampled_from((4, 8, 16)),
    budget=st.integers(100, 1 << 32),
    n_matrices=st.integers(1, 100),
)
def test_a_tile_fits_its_budget(m: int, n: int, k: int, panel: int, tile: int, budget: int, n_matrices: int) -> None:
    chosen = choose_tile(m, n, k, panel_itemsize=panel, tile_itemsize=tile, budget_bytes=budget, n_matrices=n_matrices)
    n_buffers = 1 if chosen.slab >= k else 2
    need = panel * chosen.slab * (chosen.rows + chosen.columns) + n_buffers * tile * chosen.rows * chosen.columns
    assert need <= budget
    assert (1 <= chosen.rows <= m, 1 <= chosen.columns <= n, 1 <= chosen.slab <= k) == (True, True, True)


def test_no_memory_at_all_is_refused() -> None:
    with pytest.raises(CannotFitError) as caught:
        choose_tile(9, 9, 9, panel_itemsize=8, tile_itemsize=8, budget_bytes=20)
    assert caught.value.next == "raise --memory"


def test_a_small_operand_stays_whole() -> None:
    tile = single(10**6, 64, 512)
    assert (tile.columns, tile.slab) == (64, 512)


@pytest.mark.parametrize("side", [8192, 16384, 32768])
def test_tiles_of_large_products_have_1024_rows_whose_parts_are_written_fast(side: int) -> None:
    tile = single(side, side, side)
    assert tile.rows >= 1024
    # 8 us for each part of a row are lost in its products
    assert tile.columns == side or 0.01 * 2 * side * tile.columns / FLOPS >= 8e-6
    assert 8 <= n_tiles(tile, side, side) <= 64


@pytest.mark.parametrize("side", [2048, 3000, 4096])
def test_a_product_of_medium_size_fills_four_cores_with_whole_rows(side: int) -> None:
    tile = single(side, side, side)
    assert tile.columns == side
    assert 4 <= n_tiles(tile, side, side) <= 16
    assert 2 * tile.rows * tile.columns * side / FLOPS >= 0.01


def test_the_tiles_of_a_small_product_are_of_one_size() -> None:
    assert single(1152, 1152, 1152) == (640, 1152, 1152)


@pytest.mark.parametrize("side", [300, 512])
def test_a_product_of_a_megabyte_is_one_task(side: int) -> None:
    assert single(side, side, side) == (side, side, side)


def test_a_long_k_makes_smaller_tiles_of_which_there_are_enough() -> None:
    assert n_tiles(single(4096, 4096, 10**6), 4096, 4096) == 64


def test_many_matrices_need_no_cut() -> None:
    shared = {"panel_itemsize": 4, "tile_itemsize": 4, "budget_bytes": 640 << 20}
    assert choose_tile(4096, 4096, 4096, **shared, n_matrices=64) == (4096, 4096, 4096)


def test_few_columns_are_computed_from_whole_rows_of_a() -> None:
    assert single(10**5, 1, 10**5).slab == 10**5
    assert single(81_920, 256, 4096, budget=125 * 10**6).slab == 4096


def test_few_rows_are_computed_from_whole_rows_of_b() -> None:
    tile = single(1, 10**5, 10**5)
    assert tile.columns == 10**5
    assert choose_parts(tile, 1, 10**5, 10**5, n_batches=1, itemsize=4) == 32


def test_outer_products_are_made_of_whole_rows() -> None:
    tile = single(20_000, 20_000, 256)
    assert tile.columns == 20_000
    assert 8 <= n_tiles(tile, 20_000, 20_000) <= 64


@given(m=SIDES, n=SIDES, k=st.integers(1, 10**10))
def test_partials_are_not_larger_than_what_they_were_made_of(m: int, n: int, k: int) -> None:
    tile = Tile(min(m, 512), min(n, 512), k)
    parts = choose_parts(tile, m, n, k, n_batches=1, itemsize=4)
    assert 1 <= parts <= 256
    assert parts == 1 or 8 * tile.rows * tile.columns * parts <= k * (tile.rows + tile.columns) * 4
