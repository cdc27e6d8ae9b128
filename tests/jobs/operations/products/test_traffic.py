"""Facts of traffic: the closed forms are what a simulation counts, and Belady's rule is the best that can be done."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arraymill.jobs.operations.products.traffic import Tiling, count_loads, least_streamed, moved_elements, slab_keys

SMALL = st.integers(1, 30)


@st.composite
def tilings(draw: st.DrawFn) -> Tiling:
    m, n, k = (draw(SMALL) for _ in range(3))
    tile = [draw(st.integers(1, side)) for side in (m, n, k)]
    order, resident = draw(st.sampled_from((("rows", "none"), ("rows", "a"), ("columns", "none"), ("columns", "b"))))
    return Tiling(m, n, k, *tile, order=order, resident=resident)  # type: ignore[arg-type]


def simulate(keys: Sequence[tuple[int, int]], n_slots: int, chunk: int, length: int, slab: int, k: int) -> int:
    """Return the elements loaded if slabs pass through slots in turn, the one in use by the product before left alone.

    With two slots there is never a choice; with a slot for every slab of a panel the oldest is of no more use.
    """
    held: list[tuple[int, int]] = []
    total = 0
    for key in keys:
        if key in held:
            held.remove(key)
        else:
            total += min(chunk, length - key[0] * chunk) * min(slab, k - key[1] * slab)
            held = held[-n_slots + 1 :]
        held.append(key)
    return total


@given(tilings())
def test_the_closed_forms_are_what_a_simulation_counts(t: Tiling) -> None:
    (a_keys, b_keys), (a_slots, b_slots) = slab_keys(t), t.n_slots
    counted = (
        simulate(a_keys, a_slots, t.rows, t.m, t.slab, t.k),
        simulate(b_keys, b_slots, t.columns, t.n, t.slab, t.k),
    )
    assert moved_elements(t) == counted


@given(tilings(), st.integers(0, 20))
def test_looking_ahead_loads_no_more_than_taking_slots_in_turn(t: Tiling, n_more: int) -> None:
    for keys, n_slots in zip(slab_keys(t), t.n_slots, strict=True):
        in_turn = simulate(keys, n_slots + n_more, 1, 10**9, 1, 10**9)
        assert count_loads(keys, n_slots + n_more, is_ahead=False) <= in_turn


def fewest_loads(keys: str, n_slots: int) -> int:
    """Return the fewest loads of any way to make room."""

    @cache
    def rest(step: int, held: frozenset[str]) -> int:
        if step == len(keys):
            return 0
        key = keys[step]
        if key in held:
            return rest(step + 1, held)
        if len(held) < n_slots:
            return 1 + rest(step + 1, held | {key})
        return 1 + min(rest(step + 1, held - {gone} | {key}) for gone in held)

    return rest(0, frozenset())


@given(st.text("abcde", max_size=12), st.integers(1, 4))
def test_no_way_to_make_room_loads_less_than_beladys(keys: str, n_slots: int) -> None:
    assert count_loads(keys, n_slots, is_ahead=False) == fewest_loads(keys, n_slots)


@given(st.text("abcde", max_size=12), st.integers(1, 4))
def test_loading_ahead_costs_no_less_and_more_slots_no_more(keys: str, n_slots: int) -> None:
    assert count_loads(keys, n_slots) >= count_loads(keys, n_slots, is_ahead=False)
    assert count_loads(keys, n_slots + 1) <= count_loads(keys, n_slots) <= len(keys)


M, N, K = 6000, 4000, 10_000


@pytest.mark.parametrize(("rows", "columns"), [(1000, 1000), (2000, 500), (500, 4000), (6000, 1000)])
@pytest.mark.parametrize("order", ["rows", "columns"])
def test_tiles_of_c_alone_load_mnk_over_each_side(rows: int, columns: int, order: str) -> None:
    t = Tiling(M, N, K, rows, columns, 1000, order)  # type: ignore[arg-type]
    assert moved_elements(t) == (M * N * K // columns, M * N * K // rows)


@pytest.mark.parametrize("columns", [500, 1000, 1024, 3999])
def test_a_resident_panel_of_b_loads_b_once_and_a_for_every_panel(columns: int) -> None:
    t = Tiling(M, N, K, 512, columns, 1000, "columns", "b")
    assert moved_elements(t) == (M * K * math.ceil(N / columns), K * N)


@pytest.mark.parametrize("rows", [500, 1000, 1024, 5999])
def test_a_resident_panel_of_a_loads_a_once_and_b_for_every_panel(rows: int) -> None:
    t = Tiling(M, N, K, rows, 512, 1000, "rows", "a")
    assert moved_elements(t) == (M * K, K * N * math.ceil(M / rows))


def test_an_operand_that_fits_whole_lets_both_be_loaded_once() -> None:
    assert moved_elements(Tiling(M, N, K, 512, N, 1000, "columns", "b")) == (M * K, K * N)
    assert moved_elements(Tiling(M, N, K, M, 512, 1000, "rows", "a")) == (M * K, K * N)


def test_a_resident_panel_has_a_slot_for_each_of_its_slabs() -> None:
    assert Tiling(10, 10, 100, 5, 5, 30, "rows", "a").n_slots == (4, 2)
    assert Tiling(10, 10, 100, 5, 5, 100, "columns", "b").n_slots == (2, 2)


@given(SMALL, SMALL, SMALL, st.integers(1, 100), st.integers(1, 100))
def test_more_memory_lowers_the_bound(m: int, n: int, k: int, memory: int, more: int) -> None:
    assert least_streamed(m, n, k, memory + more) < least_streamed(m, n, k, memory)
