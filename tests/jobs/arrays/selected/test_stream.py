"""Tests of jobs/arrays/selected/stream.py."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from array_layouts import numbered
from hypothesis import given
from hypothesis import strategies as st

from arraymill.jobs.arrays.forward import ForwardReader
from arraymill.jobs.arrays.selected import stream as selected_stream
from arraymill.jobs.arrays.selected.selection import parse_selection
from arraymill.jobs.arrays.selected.stream import SelectedStreamReader
from arraymill.jobs.headers import ArrayHeader


def open_stream(array: Any, text: str) -> tuple[SelectedStreamReader, ArrayHeader]:
    """Return a part of a stream of an array's bytes, open."""
    content, at = memoryview(array.tobytes()), [0]

    def fill(buffer: memoryview) -> None:
        buffer[:] = content[at[0] : at[0] + len(buffer)]
        at[0] += len(buffer)

    stream = ArrayHeader("x", array.shape, array.dtype)
    cuts = parse_selection(text, array.shape, name="x")
    header = ArrayHeader("part", tuple(cut.length for cut in cuts if cut.is_kept), array.dtype)
    return SelectedStreamReader(header, cuts, ForwardReader(stream, fill), stream), header


@given(
    st.sampled_from(["::2", "3:9:4", ":", "2:, ::-2", "::3, 1", "1:2, ..., -1", "4:4"]),
    st.integers(1, 5),
    st.sampled_from([1, 100, 1 << 20]),
)
def test_rows_come_in_order(text: str, n_rows: int, scratch_bytes: int) -> None:
    whole = numbered((10, 4, 3), np.dtype(">i4"))
    expected = eval(f"whole[{text}]", {"whole": whole})
    reader, header = open_stream(whole, text)
    assert header.shape == expected.shape
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(selected_stream, "SCRATCH_BYTES", scratch_bytes)
        for start in range(0, len(expected), n_rows):
            part = expected[start : start + n_rows]
            region = ((start, start + len(part)), *((0, n) for n in header.shape[1:]))
            out = np.empty(part.shape, "=i4")
            reader.expect(region)
            assert reader.view(region) is None
            assert reader.read(region, out) >= out.nbytes
            assert np.array_equal(out, part)


def test_what_went_by_and_parts_of_rows_are_not_read() -> None:
    reader, _ = open_stream(np.arange(12).reshape(4, 3), "::2")
    reader.read(((0, 2), (0, 3)), np.empty((2, 3), int))
    with pytest.raises(ValueError, match="went by"):
        reader.read(((0, 1), (0, 3)), np.empty((1, 3), int))
    with pytest.raises(ValueError, match="whole rows"):
        reader.read(((0, 1), (0, 2)), np.empty((1, 2), int))
