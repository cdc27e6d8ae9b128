"""Facts of the memory of a product on a GPU: the formula, term by term."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arraymill.jobs.operations.products.device_memory import ItemSizes, device_bytes, item_sizes, ring_bytes
from arraymill.jobs.operations.products.traffic import Tiling

MB = 1 << 20
F4 = ItemSizes(4, 4, 0, 0, 4, 4)


def test_two_tiles_and_two_slots_of_each_operand() -> None:
    tiling = Tiling(8192, 8192, 8192, 1024, 2048, 512)
    assert device_bytes(tiling, F4) == 4 * (2 * 1024 * 2048 + 2 * 512 * (1024 + 2048))


def test_a_single_tile_needs_no_second() -> None:
    tiling = Tiling(1024, 2048, 8192, 1024, 2048, 512)
    assert device_bytes(tiling, F4) == 4 * (1024 * 2048 + 2 * 512 * (1024 + 2048))


def test_a_resident_operand_takes_its_whole_panel() -> None:
    streamed = Tiling(8192, 8192, 8192, 1024, 2048, 512, "columns")
    panel = replace(streamed, resident="b")
    assert device_bytes(panel, F4) - device_bytes(streamed, F4) == 4 * (8192 - 2 * 512) * 2048


def test_what_is_cast_takes_a_slab_more_and_what_is_rounded_a_total() -> None:
    tiling = Tiling(512, 512, 512, 256, 256, 128)
    cast = replace(F4, a_cast=8, b_cast=2)
    # a mask of the larger slab beside them
    assert device_bytes(tiling, cast) - device_bytes(tiling, F4) == 128 * 256 * (8 + 2 + 1)
    rounded = device_bytes(tiling, replace(F4, result=2))
    assert rounded - device_bytes(tiling, F4) == 256 * 256 * (2 * 2 + 4 - 2 * 4)


@pytest.mark.parametrize(
    ("a", "b", "result", "compute", "mode", "expected"),
    [
        ("f4", "f4", "f4", "f4", "ieee", (4, 4, 0, 0, 4, 4)),
        ("f4", "f4", "f4", "f4", "tf32", (4, 4, 0, 0, 4, 4)),
        ("f4", "f4", "f4", "f4", "bf16", (4, 4, 2, 2, 4, 4)),
        ("f4", "f4", "f4", "f4", "3xtf32", (4, 4, 12, 12, 4, 4)),
        ("f4", "f4", "f4", "f8", "fp64acc", (4, 4, 8, 8, 8, 4)),
        ("f2", "f2", "f2", "f4", "fp16", (2, 2, 0, 0, 4, 2)),
        ("f8", "f8", "f8", "f8", "ieee", (8, 8, 0, 0, 8, 8)),
        ("f4", "f8", "f8", "f8", "ieee", (4, 8, 8, 0, 8, 8)),
        ("f2", "f4", "f4", "f4", "tf32", (2, 4, 4, 0, 4, 4)),
    ],
)
def test_sizes_follow_the_mode(a: str, b: str, result: str, compute: str, mode: Any, expected: Any) -> None:
    sizes = item_sizes(np.dtype(a), np.dtype(b), np.dtype(result), compute=np.dtype(compute), mode=mode)
    assert sizes == ItemSizes(*expected)


@given(st.integers(8 * MB, 1 << 36), st.integers(1, 1 << 33))
def test_the_ring_fits_and_is_at_most_two_gigabytes(allowed: int, largest: int) -> None:
    assert ring_bytes(allowed, largest) <= min(allowed, 2048 * MB)


def test_small_slabs_need_small_slots() -> None:
    assert ring_bytes(1 << 40, 5 * MB) == 32 * 8 * MB
    assert ring_bytes(1, 1) == 8 * MB
