from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from array_layouts import LAYOUTS, empty_like_layout, numbered

from arraymill.jobs.arrays import transfer
from arraymill.jobs.arrays.transfer import contiguous_bytes, evenly_split, read_into, rows_of, write_from


@pytest.fixture
def descriptor(tmp_path: Path) -> int:
    return os.open(tmp_path / "bytes", os.O_RDWR | os.O_CREAT)


def buffers_of(sizes: list[int]) -> list[memoryview]:
    return [memoryview(bytearray(size)) for size in sizes]


@pytest.mark.parametrize("most_bytes", [1, 3, 7, 1000])
@pytest.mark.parametrize("most_buffers", [1, 2, 1000])
def test_limits_of_a_call_cut_transfers_anywhere(
    descriptor: int, monkeypatch: pytest.MonkeyPatch, most_bytes: int, most_buffers: int
) -> None:
    monkeypatch.setattr(transfer, "MAX_CALL_BYTES", most_bytes)
    monkeypatch.setattr(transfer, "MAX_CALL_BUFFERS", most_buffers)
    content = np.arange(30, dtype=np.uint8).tobytes()
    assert write_from(descriptor, [memoryview(content[:11]), memoryview(b""), memoryview(content[11:])], 5) == 30
    buffers = buffers_of([4, 0, 1, 20, 5])
    assert read_into(descriptor, buffers, 5) == 30
    assert content == b"".join(buffers)


def test_the_limits_are_those_of_linux() -> None:
    assert (2**31 - 4096, os.sysconf("SC_IOV_MAX")) == (transfer.MAX_CALL_BYTES, transfer.MAX_CALL_BUFFERS)


def test_the_end_of_the_file_ends_a_read(descriptor: int) -> None:
    write_from(descriptor, [memoryview(b"0123456789")], 0)
    buffers = buffers_of([4, 4])
    assert (read_into(descriptor, buffers, 3), b"".join(buffers).replace(b"\0", b"0")) == (7, b"34567890")


def test_no_buffers_are_no_call(monkeypatch: pytest.MonkeyPatch) -> None:
    assert 0 == read_into(-1, [], 0) == read_into(-1, buffers_of([0]), 0)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("shape", [(), (5,), (1, 5), (5, 1), (3, 4), (2, 3, 4), (2, 1, 4)])
def test_rows_are_the_elements_in_c_order(layout: str, shape: tuple[int, ...]) -> None:
    array = empty_like_layout(layout, shape, np.dtype("<i4"))
    array[...] = numbered(shape, array.dtype)
    rows = rows_of(array)
    assert array.tobytes() == b"".join(rows)
    assert {contiguous_bytes(array)} == {row.nbytes for row in rows}


def test_rows_share_memory() -> None:
    array = np.zeros((2, 4), np.uint8)
    for row in rows_of(array[:, 1:3]):
        row[:] = b"\7\7"
    assert array.tolist() == [[0, 7, 7, 0]] * 2


def test_an_even_split_keeps_the_bytes() -> None:
    parts = list(evenly_split([memoryview(b"abc"), memoryview(b"defghi")], 3))
    assert [b"".join(part) for part in parts] == [b"abc", b"def", b"ghi"]


def test_a_write_of_which_nothing_is_taken_is_an_error(descriptor: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "pwritev", lambda *_: 0)
    with pytest.raises(OSError, match="0 of 5 bytes were taken"):
        write_from(descriptor, buffers_of([2, 3]), 0)
