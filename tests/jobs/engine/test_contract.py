"""Facts of tiles: panels that the next tile shares are not read again, and never those of another array."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from in_process_jobs import plan_arrays

from arraymill.jobs.arrays import MemoryTarget, open_source
from arraymill.jobs.blocks import Grid
from arraymill.jobs.engine import Work, run_block
from arraymill.jobs.stages.shapes import ContractStage

A, B = np.arange(24.0).reshape(6, 4), np.arange(32.0).reshape(4, 8)


def tiles(tmp_path: Path, a: Any, b: Any, *, tile: tuple[int, int], slab: int) -> tuple[Work, MemoryTarget]:
    for name, array in (("a", a), ("b", b)):
        np.save(tmp_path / f"{name}.npy", array)
    planned: Any = plan_arrays("matmul", [a, b]).stage
    fields = {name: getattr(planned, name) for name in ContractStage.__dataclass_fields__}
    m, n, k = a.shape[0], b.shape[1], a.shape[1]
    stage = ContractStage(**fields | {"grid": Grid((m, n, k), (*tile, k)), "slab": slab})
    target = MemoryTarget(np.full((m, n), -1, planned.result))
    return Work(stage, tuple(open_source(tmp_path / f"{name}.npy") for name in "ab"), target, "numpy"), target


@pytest.mark.parametrize("code", ["f4", "f8", "f2", "i4", "i8"])
@pytest.mark.parametrize("slab", [1, 3, 4])
@pytest.mark.parametrize("tile", [(6, 8), (2, 3), (4, 8), (1, 1)])
def test_tiles_are_parts_of_the_product(tmp_path: Path, code: str, slab: int, tile: tuple[int, int]) -> None:
    a, b = A.astype(code), B.astype(code)
    work, target = tiles(tmp_path, a, b, tile=tile, slab=slab)
    for index in range(work.stage.grid.n_blocks):
        run_block(work, index)
    # small integers: exact in every dtype
    assert np.array_equal(target.array, a @ b)


def test_a_row_panel_is_read_once_per_row_of_tiles(tmp_path: Path) -> None:
    work, _ = tiles(tmp_path, A, B, tile=(3, 4), slab=4)
    read = [run_block(work, index).record.bytes_read for index in range(4)]
    # a panel of A is 3 x 4 and one of B 4 x 4, of which gaps between rows may be read over
    panel_a = 3 * 4 * 8
    assert read[0] >= panel_a + 4 * 4 * 8
    assert read[1] <= read[0] - panel_a


def test_a_file_that_was_replaced_is_not_answered_from_a_panel(tmp_path: Path) -> None:
    for factor in (1, 2):
        (tmp_path / "a.npy").unlink(missing_ok=True)
        work, target = tiles(tmp_path, factor * A, B, tile=(6, 8), slab=4)
        run_block(work, 0)
        assert np.array_equal(target.array, factor * A @ B)
