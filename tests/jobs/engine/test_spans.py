"""Pieces out of views, or read one by one: the same arrays in the same order."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arraymill.jobs.arrays import MemorySource, open_source
from arraymill.jobs.arrays.npy import views as npy_views
from arraymill.jobs.blocks import Grid, as_slices
from arraymill.jobs.engine import spans
from arraymill.jobs.engine.clock import Clock
from arraymill.jobs.engine.spans import packed_pieces, spans_of
from arraymill.jobs.workspace import Workspace


@given(
    shape=st.tuples(st.integers(1, 9), st.integers(1, 9), st.integers(1, 5)),
    chunks=st.tuples(st.integers(1, 9), st.integers(1, 9), st.integers(1, 5)),
    itemsize=st.sampled_from((1, 1 << 20, 8 << 20, 64 << 20)),
)
def test_spans_hold_all_regions_in_order_and_are_boxes(
    shape: tuple[int, ...], chunks: tuple[int, ...], itemsize: int
) -> None:
    regions = list(Grid(shape, chunks).regions())
    cut = spans_of(regions, itemsize)
    assert [region for span in cut for region in span] == regions
    for span in cut:
        sizes = [spans._size(region) for region in span]
        assert sum(sizes) == spans._size(spans._hull(span))
        assert len(span) == 1 or sum(sizes) * itemsize <= spans._SPAN_BYTES


@pytest.mark.parametrize("has_views", [True, False])
def test_pieces_are_the_regions_of_the_array(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_views: bool) -> None:
    monkeypatch.setattr(npy_views, "VIEW_BYTES", 16 if has_views else 1 << 40)
    monkeypatch.setattr(npy_views, "VIEW_RUN_BYTES", 8)
    x = np.arange(60.0).reshape(20, 3)
    np.save(tmp_path / "x.npy", x)
    source = open_source(str(tmp_path / "x.npy"))
    regions = list(Grid((20, 3), (6, 3)).regions())
    clock = Clock()
    with source.open() as reader:
        shared: dict[str, Any] = {"workspace": Workspace(), "clock": clock}
        for region, array in packed_pieces(reader, source.header, regions, **shared):
            np.testing.assert_array_equal(array, x[as_slices(region)])
            assert array.flags.c_contiguous
    assert clock.bytes_read == x.nbytes


def test_an_array_that_is_not_packed_is_copied_piece_by_piece() -> None:
    x = np.arange(80.0).reshape(20, 4)[:, ::2]
    source = MemorySource("x", x)
    with source.open() as reader:
        pieces = [
            (region, array.copy(), array.flags.c_contiguous)
            for region, array in packed_pieces(
                reader, source.header, [((0, 5), (0, 2)), ((5, 9), (0, 2))], workspace=Workspace(), clock=Clock()
            )
        ]
    assert [region for region, _, _ in pieces] == [((0, 5), (0, 2)), ((5, 9), (0, 2))]
    assert all(is_packed for _, _, is_packed in pieces)
    np.testing.assert_array_equal(np.concatenate([array for _, array, _ in pieces]), x[:9])
