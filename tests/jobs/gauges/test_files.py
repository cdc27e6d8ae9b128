"""Facts of file gauges: each one moves the bytes that it says it moves, in a file that has no name."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from arraymill.jobs.gauges import files, scratch
from arraymill.jobs.gauges.files import (
    durable_rate,
    fill,
    map_read_rate,
    map_write_rate,
    read_rate,
    write_rate,
)
from arraymill.jobs.gauges.scratch import empty, is_reserved, scratch_file

MIB = 1 << 20
SIZE = 4 * MIB


@pytest.fixture
def descriptor(tmp_path: Path) -> Iterator[int]:
    with scratch_file(tmp_path, SIZE) as descriptor:
        yield descriptor


def content(descriptor: int) -> bytes:
    return os.pread(descriptor, os.fstat(descriptor).st_size + 1, 0)


def test_the_file_has_no_name(tmp_path: Path, descriptor: int) -> None:
    assert list(tmp_path.iterdir()) == []
    assert os.fstat(descriptor).st_nlink == 0


def test_filling_writes_it_whole_if_there_is_time(descriptor: int) -> None:
    assert fill(descriptor, 60.0, SIZE) == SIZE
    assert len(set(content(descriptor))) == 256


def test_filling_writes_one_chunk_at_least(descriptor: int) -> None:
    assert fill(descriptor, 0.0, SIZE) == MIB


@pytest.mark.parametrize("n_readers", [1, 2, 3, 7])
def test_readers_read_it_once_together(descriptor: int, monkeypatch: pytest.MonkeyPatch, n_readers: int) -> None:
    n_bytes = fill(descriptor, 60.0, SIZE)
    offsets: list[int] = []
    real = os.preadv

    def preadv(descriptor: int, buffers: list[bytearray], offset: int) -> int:
        offsets.append(offset)
        return real(descriptor, buffers, offset)

    monkeypatch.setattr(files.os, "preadv", preadv)
    assert read_rate(descriptor, 0.0, n_bytes=n_bytes, n_readers=n_readers) > 0
    # however slow the disk: what is cut short has begun
    assert len(set(offsets)) == len(offsets)
    assert set(offsets) <= set(range(0, SIZE, MIB))


@pytest.mark.parametrize("n_writers", [1, 2, 4])
def test_writers_fill_disjoint_parts(descriptor: int, n_writers: int) -> None:
    assert write_rate(descriptor, 30.0 / 1000, n_writers=n_writers, n_bytes=SIZE) > 0
    assert os.fstat(descriptor).st_size == SIZE


def test_maps_are_read_and_written(descriptor: int) -> None:
    n_bytes = fill(descriptor, 60.0, SIZE)
    assert map_read_rate(descriptor, 0.0, n_bytes=n_bytes) > 0
    assert map_write_rate(descriptor, 0.0, n_bytes=SIZE) > 0


def test_a_map_is_not_stored_to_where_room_cannot_be_reserved(descriptor: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scratch.disk, "reserve", os.ftruncate)
    with pytest.raises(OSError, match="cannot reserve room"):
        map_write_rate(descriptor, 0.0, n_bytes=SIZE)


def test_durable_writes_are_waited_for(descriptor: int, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[Any] = []
    monkeypatch.setattr(files.os, "fdatasync", synced.append)
    assert durable_rate(descriptor, 0.0, n_bytes=MIB) > 0
    assert synced == [descriptor]


def test_an_emptied_file_is_reserved_and_zero(descriptor: int) -> None:
    fill(descriptor, 60.0, SIZE)
    empty(descriptor, SIZE)
    assert content(descriptor) == bytes(SIZE)
    if not is_reserved(descriptor):
        pytest.skip("this file system cannot reserve room")
