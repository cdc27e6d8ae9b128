from __future__ import annotations

from collections import Counter
from itertools import product
from typing import Any

import numpy as np
import pytest
from array_layouts import regions
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from arraymill.jobs.arrays import chunked
from arraymill.jobs.arrays.chunked import ChunkedReader, kept_bytes
from arraymill.jobs.blocks import Region, as_slices, region_shape
from arraymill.jobs.headers import ArrayHeader


class Chunks:
    """An array of chunks that notes what is loaded of it."""

    def __init__(self, shape: tuple[int, ...], chunks: tuple[int, ...]) -> None:
        self.array = np.arange(np.prod(shape, dtype=int), dtype=">i4").reshape(shape)
        self.chunks = chunks
        self.loads: list[Region] = []

    def reader(self, *, is_reversed: bool = False) -> ChunkedReader:
        header = ArrayHeader("x", self.array.shape, self.array.dtype)
        return ChunkedReader(header.T if is_reversed else header, self.chunks, self.load, is_reversed=is_reversed)

    def load(self, region: Region, out: NDArray[Any]) -> None:
        assert out.flags.c_contiguous
        self.loads.append(region)
        out[...] = self.array[(*as_slices(region), ...)]

    def n_unpacked(self) -> Counter[tuple[int, ...]]:
        """Return how often each chunk was unpacked."""
        return Counter(
            place
            for region in self.loads
            for place in product(*(range(a // c, -(-b // c)) for (a, b), c in zip(region, self.chunks, strict=True)))
        )


@given(st.data())
def test_any_region_comes_in_whole_chunks(data: st.DataObject) -> None:
    shape = data.draw(st.lists(st.integers(0, 9), max_size=3).map(tuple))
    stored = Chunks(shape, tuple(data.draw(st.integers(1, 4)) for _ in shape))
    is_reversed = len(shape) > 1 and data.draw(st.booleans())
    array = stored.array.T if is_reversed else stored.array
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chunked, "LOAD_BYTES", data.draw(st.integers(1, 200)))
        reader = stored.reader(is_reversed=is_reversed)
        for region in data.draw(st.lists(regions(array.shape), max_size=4)):
            out = np.empty(region_shape(region), data.draw(st.sampled_from([">i4", "<i4"])))
            reader.read(region, out)
            assert out.tolist() == array[(*as_slices(region), ...)].tolist()
        largest = max(np.prod(stored.chunks, dtype=int) * 4, chunked.LOAD_BYTES)
    for region in stored.loads:
        axes = zip(region, stored.chunks, shape, strict=True)
        assert all(start % chunk == 0 and (stop % chunk == 0 or stop == n) for (start, stop), chunk, n in axes)
        assert np.prod(region_shape(region), dtype=int) * 4 <= largest


@pytest.mark.parametrize("n_rows", [1, 3, 7, 16])
def test_pieces_of_rows_unpack_each_chunk_once(n_rows: int) -> None:
    stored = Chunks((40, 12), (5, 4))
    reader = stored.reader()
    moved = 0
    for start in range(0, 40, n_rows):
        out = np.empty((min(n_rows, 40 - start), 12), "<i4")
        moved += reader.read(((start, start + len(out)), (0, 12)), out)
    assert set(stored.n_unpacked().values()) == {1}
    assert (len(stored.n_unpacked()), moved) == (24, stored.array.nbytes)


def test_whole_chunks_go_straight_to_their_place() -> None:
    stored = Chunks((40, 12), (5, 4))
    reader = stored.reader()
    reader.read(((5, 20), (0, 12)), np.empty((15, 12), "<i4"))
    assert stored.loads == [((5, 20), (0, 12))]
    # and are not kept
    reader.read(((5, 20), (0, 12)), np.empty((15, 12), "<i4"))
    assert len(stored.loads) == 2


def test_a_load_that_failed_is_not_taken_for_what_is_kept() -> None:
    stored = Chunks((40, 12), (5, 4))
    out = np.empty((1, 12), "<i4")

    def fail(region: Region, out: NDArray[Any]) -> None:
        out[...] = -1
        raise OSError("a bad disk")

    good, stored.load = stored.load, fail  # type: ignore[method-assign]
    reader = ChunkedReader(ArrayHeader("x", (40, 12), np.dtype(">i4")), (5, 4), lambda r, o: stored.load(r, o))
    with pytest.raises(OSError, match="a bad disk"):
        reader.read(((0, 1), (0, 12)), out)
    stored.load = good  # type: ignore[method-assign]
    reader.read(((0, 1), (0, 12)), out)
    assert out.tolist() == [[*range(12)]]


def test_a_row_of_chunks_is_kept_where_the_header_allows_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunked, "LOAD_BYTES", 80)
    stored = Chunks((40, 12), (5, 4))
    for reader_bytes, times in ((0, 5), (240, 1)):
        stored.loads.clear()
        header = ArrayHeader("x", (40, 12), np.dtype(">i4"), reader_bytes=reader_bytes)
        reader = ChunkedReader(header, stored.chunks, stored.load)
        for start in range(40):
            reader.read(((start, start + 1), (0, 12)), np.empty((1, 12), "<i4"))
        assert set(stored.n_unpacked().values()) == {times}


def test_nothing_is_kept_of_what_was_read_to_its_end() -> None:
    stored = Chunks((40, 12), (5, 4))
    reader = stored.reader()
    for _ in range(2):
        reader.read(((38, 40), (5, 12)), np.empty((2, 7), "<i4"))
    assert len(stored.loads) == 2


@pytest.mark.parametrize(
    ("shape", "chunks", "expected"),
    [
        ((1 << 20, 1 << 10), (1 << 10, 1 << 8), 32 << 20),
        ((1 << 20, 1 << 10), (1 << 14, 1 << 8), 128 << 20),
        ((1 << 20, 1 << 10), (1 << 16, 1 << 8), 128 << 20),
        ((1 << 20, 1 << 10), (1 << 16, 1 << 6), 32 << 20),
        ((100, 100), (10, 10), 80_000),
        ((), (), 8),
        ((0, 5), (1, 5), 0),
    ],
)
def test_what_may_be_kept(shape: tuple[int, ...], chunks: tuple[int, ...], expected: int) -> None:
    assert kept_bytes(shape, 8, chunks) == expected


def test_there_are_no_views() -> None:
    reader = Chunks((4,), (2,)).reader()
    assert reader.view(((0, 2),)) is None
    reader.expect(((0, 2),))
