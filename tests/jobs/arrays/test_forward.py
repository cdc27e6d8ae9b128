from __future__ import annotations

import io
from math import prod

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arraymill.jobs.arrays import forward
from arraymill.jobs.arrays.forward import ForwardReader, forward_regions
from arraymill.jobs.blocks import as_slices, region_shape
from arraymill.jobs.headers import ArrayHeader

HEADER = ArrayHeader("x", (4, 6), np.dtype("<i4"))
X = np.arange(24, dtype="<i4").reshape(4, 6)


def reader() -> ForwardReader:
    stream = io.BytesIO(X.tobytes())
    return ForwardReader(HEADER, stream.readinto)


def test_rows_and_parts_of_rows_are_read_in_order() -> None:
    forward_only = reader()
    for region in [((0, 1), (0, 6)), ((1, 2), (0, 2)), ((1, 2), (2, 6)), ((3, 4), (1, 3)), ((3, 4), (5, 6))]:
        out = np.empty(region_shape(region), "<i4")
        forward_only.read(region, out)
        assert out.tolist() == X[as_slices(region)].tolist()


def test_what_goes_by_is_counted() -> None:
    forward_only = reader()
    assert forward_only.read(((2, 3), (0, 6)), np.empty((1, 6), "<i4")) == 3 * 24
    assert forward_only.read(((3, 3), (0, 6)), np.empty((0, 6), "<i4")) == 0


@pytest.mark.parametrize(
    ("region", "said"),
    [
        (((0, 2), (0, 3)), "are not consecutive"),
        (((0, 4), (2, 3)), "are not consecutive"),
        (((0, 1), (0, 6)), "went by already"),
        (((1, 2), (0, 1)), "went by already"),
    ],
)
def test_other_regions_are_refused(region: tuple[tuple[int, int], ...], said: str) -> None:
    forward_only = reader()
    forward_only.read(((1, 2), (0, 4)), np.empty((1, 4), "<i4"))
    with pytest.raises(ValueError, match=said):
        forward_only.read(region, np.empty(region_shape(region), "<i4"))


def test_small_calls_fill_large_regions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forward, "CALL_BYTES", 20)
    out = np.empty((8, 6), "<i4")[::2]
    reader().read(((0, 4), (0, 6)), out)
    assert out.tolist() == X.tolist()
    native = np.empty((2, 6), ">i4")
    stream = io.BytesIO(X.tobytes())
    ForwardReader(HEADER, stream.readinto).read(((2, 4), (0, 6)), native)
    assert native.tolist() == X[2:].tolist()


@given(st.lists(st.integers(0, 5), max_size=4), st.sampled_from("CF"), st.integers(1, 200))
def test_forward_regions_are_the_array_in_order(shape: list[int], order: str, limit_bytes: int) -> None:
    header = ArrayHeader("x", tuple(shape), np.dtype("u2"), order if len(shape) > 1 else "C")
    numbers = np.arange(header.size).reshape(shape, order=header.order)
    found = [numbers[(*as_slices(region), ...)] for region in forward_regions(header, limit_bytes)]
    assert [n for block in found for n in block.ravel(header.order)] == list(range(header.size))
    assert all(prod(block.shape) * 2 <= max(limit_bytes, 2) for block in found)
