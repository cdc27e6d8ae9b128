"""Facts of tiles: they fit, they cover, and k is cut where there are few of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arraymill.jobs.errors import CannotFitError
from arraymill.jobs.operations.tiles import Tile, choose_parts, choose_tile

SIDES = st.integers(1, 10**6)


@given(
    m=SIDES,
    n=SIDES,
    k=SIDES,
    panel=st.sampled_from((4, 8, 12, 16)),
    tile=st.sampled_from((4, 8, 16)),
    budget=st.integers(100, 1 << 32),
    device=st.sampled_from(("cpu", "cuda")),
)
def test_a_tile_fits_its_budget(m: int, n: int, k: int, panel: int, tile: int, budget: int, device: str) -> None:
    chosen = choose_tile(
        m,
        n,
        k,
        panel_itemsize=panel,
        tile_itemsize=tile,
        budget_bytes=budget,
        device=device,  # type: ignore[arg-type]
    )
    n_tiles = 1 if chosen.slab >= k else 2
    need = panel * chosen.slab * (chosen.rows + chosen.columns) + n_tiles * tile * chosen.rows * chosen.columns
    assert need <= budget
    assert (1 <= chosen.rows <= m, 1 <= chosen.columns <= n, 1 <= chosen.slab <= k) == (True, True, True)


def test_no_memory_at_all_is_refused() -> None:
    with pytest.raises(CannotFitError) as caught:
        choose_tile(9, 9, 9, panel_itemsize=8, tile_itemsize=8, budget_bytes=20)
    assert caught.value.next == "raise --memory"


def test_a_small_operand_stays_whole() -> None:
    tile = choose_tile(10**6, 64, 512, panel_itemsize=4, tile_itemsize=4, budget_bytes=256 << 20)
    assert (tile.columns, tile.slab) == (64, 512)


@given(m=SIDES, n=SIDES, k=st.integers(1, 10**10))
def test_partials_are_not_larger_than_what_they_were_made_of(m: int, n: int, k: int) -> None:
    tile = Tile(min(m, 512), min(n, 512), k)
    parts = choose_parts(tile, m, n, k, n_batches=1, itemsize=4)
    assert 1 <= parts <= 256
    assert parts == 1 or 8 * tile.rows * tile.columns * parts <= k * (tile.rows + tile.columns) * 4
