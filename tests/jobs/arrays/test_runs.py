from __future__ import annotations

import numpy as np
import pytest
from array_layouts import regions
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from arraymill.jobs.arrays.runs import Piece, byte_strides, cut
from arraymill.jobs.blocks import as_slices


@given(data=st.data())
def test_pieces_cover_each_byte_once_within_the_limits(data: st.DataObject) -> None:
    shape = data.draw(hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=6))
    region = data.draw(regions(shape))
    itemsize = data.draw(st.sampled_from([1, 2, 8]))
    gap, limit, direct = data.draw(st.integers(0, 40)), data.draw(st.integers(8, 200)), data.draw(st.booleans())
    pieces = list(cut(shape, itemsize, region, gap_bytes=gap, limit_bytes=limit, direct=direct))
    times_read = np.zeros(shape, int)
    for piece in pieces:
        times_read[as_slices(piece.region)] += 1
        check_geometry(piece, shape, itemsize)
        if piece.kind == "cover":
            assert piece.span <= limit
        elif not direct:
            assert piece.count * piece.run <= limit
    expected = np.zeros(shape, int)
    expected[as_slices(region)] = 1
    assert expected.tolist() == times_read.tolist()
    assert [piece.offset for piece in pieces] == sorted(piece.offset for piece in pieces)


def check_geometry(piece: Piece, shape: tuple[int, ...], itemsize: int) -> None:
    """Compare the offsets of a piece with those of its elements, counted one by one."""
    size = int(np.prod(shape, dtype=int))
    offsets = (np.arange(size).reshape(shape) * itemsize)[(*as_slices(piece.region), ...)].ravel()
    assert (piece.offset, piece.span) == (offsets[0], offsets[-1] - offsets[0] + itemsize)
    assert piece.count * piece.run == offsets.size * itemsize
    if piece.kind == "rows":
        starts = piece.offset + piece.step * np.arange(piece.count)
        assert starts.tolist() == offsets[:: piece.run // itemsize].tolist()
    assert piece.kind != "run" or piece.span == piece.run


@pytest.mark.parametrize(
    ("region", "kinds"),
    [
        (((0, 100), (0, 200), (0, 300)), ["run"]),
        (((5, 6), (7, 8), (0, 300)), ["run"]),
        (((5, 6), (7, 9), (0, 300)), ["run"]),
        (((5, 6), (7, 9), (0, 100)), ["cover"]),
        (((5, 7), (7, 9), (0, 300)), ["rows"]),
        (((5, 7), (7, 9), (0, 100)), ["cover", "cover"]),
    ],
)
def test_the_kind_of_piece(region: tuple[tuple[int, int], ...], kinds: list[str]) -> None:
    pieces = cut((100, 200, 300), 8, region, gap_bytes=2000, limit_bytes=2**20, direct=True)
    assert kinds == [piece.kind for piece in pieces]


def test_an_empty_region_has_no_pieces() -> None:
    assert list(cut((3, 4), 8, ((1, 1), (0, 4)), gap_bytes=0, limit_bytes=64, direct=True)) == []


def test_strides_are_those_of_numpy() -> None:
    assert np.empty((3, 4, 5), "f4").strides == byte_strides((3, 4, 5), 4)
