"""Facts of tiles on a GPU: they fit, they move little, and more memory never makes them move more."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arraymill.jobs.errors import CannotFitError
from arraymill.jobs.limits import usable_device_bytes
from arraymill.jobs.operations.products.device_memory import ItemSizes, device_bytes
from arraymill.jobs.operations.products.gpu_tiles import Problem, choose_tiling, link_bytes, pipeline_s
from arraymill.jobs.operations.products.traffic import Tiling, least_streamed
from arraymill.jobs.rates.workers import Rates
from arraymill.jobs.stages.modes import SLABS, ProductMode

GB = 1 << 30
MODES: dict[ProductMode, tuple[ItemSizes, float]] = {
    "ieee": (ItemSizes(4, 4, 0, 0, 4, 4), 4.5e13),
    "tf32": (ItemSizes(4, 4, 0, 0, 4, 4), 3.4e14),
    "fp16": (ItemSizes(2, 2, 0, 0, 4, 2), 6.9e14),
    "fp64acc": (ItemSizes(4, 4, 8, 8, 8, 4), 4.5e13),
}
FP64 = ItemSizes(8, 8, 0, 0, 8, 8)
SIDES = st.integers(1, 100_000)


def problem(m: int, n: int, k: int, mode: ProductMode = "ieee", sizes: ItemSizes | None = None) -> Problem:
    standard, flops = MODES[mode]
    rates = Rates(8e9, 4e10, 1.5e9, 1.5e9, flops, 4.5e10, 4.5e10)
    return Problem(m, n, k, SLABS[mode], sizes or standard, 2.0 * m * n * k, rates)


def ratio(made: Problem, budget: int) -> float:
    """Return the bytes over the link against the least that moves through the whole budget (Hong and Kung 1981)."""
    m, n, k, sizes = made.m, made.n, made.k, made.sizes
    tiling = choose_tiling(made, usable_device_bytes(budget))
    least = max(m * k + k * n, least_streamed(m, n, k, budget / sizes.a)) * sizes.a + m * n * sizes.result
    return sum(link_bytes(tiling, sizes)) / least


@pytest.mark.parametrize(
    ("side", "mode", "sizes", "budget"),
    [
        (32768, "ieee", None, 8 * GB),
        (24576, "ieee", FP64, 8 * GB),
        (49152, "tf32", None, 16 * GB),
        (65536, "fp16", None, 16 * GB),
        (32768, "fp64acc", None, 8 * GB),
    ],
)
def test_square_products_move_close_to_the_least(
    side: int, mode: ProductMode, sizes: ItemSizes | None, budget: int
) -> None:
    assert ratio(problem(side, side, side, mode, sizes), budget) <= 1.03


@pytest.mark.parametrize(
    "sides",
    [
        (65536, 16384, 32768),
        (16384, 65536, 32768),
        (32768, 16384, 65536),
        (200_000, 2048, 2048),
        (2048, 200_000, 2048),
        (100_000, 100_000, 256),
        (4096, 4096, 1_000_000),
        (10_007, 30_011, 20_011),
        (1, 100_000, 100_000),
        (100_000, 1, 100_000),
        (257, 99_991, 65_537),
    ],
)
def test_other_shapes_move_close_to_the_least(sides: tuple[int, int, int]) -> None:
    assert ratio(problem(*sides), 8 * GB) <= 1.03


@pytest.mark.parametrize("budget", [GB, 2 * GB, 3 * GB, 5 * GB])
def test_a_product_larger_than_the_memory_moves_at_most_twice_the_least(budget: int) -> None:
    assert ratio(problem(32768, 32768, 32768), budget) <= 2.0


@given(SIDES, SIDES, SIDES, st.sampled_from(sorted(MODES)), st.integers(12, 37))
def test_a_tiling_fits_and_has_round_tiles(m: int, n: int, k: int, mode: ProductMode, bits: int) -> None:
    made = problem(m, n, k, mode)
    tiling = choose_tiling(made, 1 << bits)
    assert device_bytes(tiling, made.sizes) <= 1 << bits
    assert (1 <= tiling.rows <= m, 1 <= tiling.columns <= n, 1 <= tiling.slab <= k) == (True, True, True)
    if bits >= 28:
        assert tiling.rows in (m, n) or tiling.rows % 256 == 0
        assert tiling.columns in (m, n) or tiling.columns % 256 == 0


@settings(max_examples=50)
@given(SIDES, SIDES, SIDES, st.sampled_from(sorted(MODES)), st.integers(1 << 28, 1 << 36), st.floats(1.0, 4.0))
def test_more_memory_never_moves_more(m: int, n: int, k: int, mode: ProductMode, budget: int, more: float) -> None:
    made = problem(m, n, k, mode)
    small, large = (choose_tiling(made, int(budget * factor)) for factor in (1.0, more))
    assert sum(link_bytes(large, made.sizes)) <= sum(link_bytes(small, made.sizes))


def test_no_memory_at_all_is_refused() -> None:
    with pytest.raises(CannotFitError) as caught:
        choose_tiling(problem(9, 9, 9), 16)
    assert (caught.value.exit_code, caught.value.next) == (6, "raise --device-memory")


def test_slabs_are_contiguous_in_their_files_where_that_costs_no_time() -> None:
    assert choose_tiling(problem(32768, 32768, 32768), 15 * GB // 2).columns == 32768


@pytest.mark.parametrize(("side", "mode", "budget"), [(32768, "ieee", 8), (49152, "tf32", 16), (65536, "fp16", 16)])
def test_the_first_tile_is_large_enough_not_to_wait_for_its_panel(side: int, mode: ProductMode, budget: int) -> None:
    made = problem(side, side, side, mode)
    tiling = choose_tiling(made, usable_device_bytes(budget * GB))
    assert pipeline_s(made, tiling) <= 1.25 * made.flops / made.rates.flops


def test_a_pipeline_takes_as_long_as_the_longer_of_each_tile() -> None:
    rates = Rates(1.0, 1.0, 1.0, 1.0, flops=1000.0, to_device=10.0, from_device=10.0)
    made = Problem(4, 4, 10, 1, ItemSizes(1, 1, 0, 0, 1, 1), 1000.0, rates)
    tiling = Tiling(4, 4, 10, 2, 4, 1, "columns", "b")
    # first slabs 0.6, first tile: 60 bytes in, second: 20 bytes in, then 8 bytes out
    assert pipeline_s(made, tiling) == pytest.approx(0.6 + 6.0 + 2.0 + 0.8)
