from __future__ import annotations

import errno
import itertools
import json
import zlib
from pathlib import Path
from typing import Any

import pytest
from disk_faults import FaultyDisk
from fault_tally import count_fault
from hypothesis import given
from hypothesis import strategies as st

from arraymill.jobs import disk
from arraymill.jobs.errors import JobError, StoreFullError
from arraymill.jobs.store import Ledger, ledger, read_ledger
from arraymill.jobs.store.ledger import encode_record

RECORDS = [{"kind": "plan", "n": 3}, {"kind": "block", "block": 0, "s": 0.5}, {"kind": "note", "text": "è\n"}]
LINES = [encode_record(record) for record in RECORDS]


def read_bytes(tmp_path: Path, content: bytes) -> tuple[list[dict[str, Any]], int]:
    (tmp_path / "ledger").write_bytes(content)
    return read_ledger(tmp_path / "ledger")


def checked(text: bytes) -> bytes:
    return b"%08x %s\n" % (zlib.crc32(text), text)


def test_records_come_back(tmp_path: Path) -> None:
    assert read_bytes(tmp_path, b"".join(LINES)) == (RECORDS, sum(map(len, LINES)))


def test_a_ledger_that_is_not_there_is_empty(tmp_path: Path) -> None:
    assert read_ledger(tmp_path / "none" / "ledger") == ([], 0)
    assert list(tmp_path.iterdir()) == []


def test_one_that_cannot_be_read_is_not_taken_for_empty(tmp_path: Path) -> None:
    (tmp_path / "ledger").mkdir()
    with pytest.raises(JobError, match="cannot"):
        read_ledger(tmp_path / "ledger")
    with pytest.raises(JobError, match="cannot"):
        Ledger.open(tmp_path / "ledger")


def test_a_torn_tail_is_not_read_wherever_it_is_torn(tmp_path: Path) -> None:
    whole = len(LINES[0]) + len(LINES[1])
    for length in range(len(LINES[2])):
        assert read_bytes(tmp_path, b"".join(LINES)[: whole + length]) == (RECORDS[:2], whole)


def test_a_flipped_bit_ends_what_is_believed(tmp_path: Path) -> None:
    content = b"".join(LINES)
    ends = list(itertools.accumulate(map(len, LINES)))
    for position, bit in itertools.product(range(len(content)), range(8)):
        flipped = bytearray(content)
        flipped[position] ^= 1 << bit
        n_good = sum(end <= position for end in ends)
        assert read_bytes(tmp_path, bytes(flipped)) == (RECORDS[:n_good], ends[n_good - 1] if n_good else 0)
    count_fault("survived byte-identical", 8 * len(content))


def test_without_checksums_a_flipped_bit_would_be_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "_decode", lambda line: json.loads(line[9:].decode(errors="replace")))
    with pytest.raises((AssertionError, ValueError)):
        test_a_flipped_bit_ends_what_is_believed(tmp_path)


@pytest.mark.parametrize(
    "text", [b"", b"1", b"[]", b'"x"', b"{}", b'{"kind":1}', b"[" * 100_000, b"9" * 10_000, b"\xff"]
)
def test_what_is_no_record_ends_the_ledger_whatever_its_checksum(text: bytes, tmp_path: Path) -> None:
    assert read_bytes(tmp_path, LINES[0] + checked(text) + LINES[1]) == (RECORDS[:1], len(LINES[0]))


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_no_bytes_raise(tmp_path_factory: pytest.TempPathFactory, tail: bytes, text: bytes) -> None:
    path = tmp_path_factory.mktemp("ledger") / "ledger"
    for content in (tail, LINES[0] + tail, tail + LINES[0], LINES[0] + checked(text), LINES[0] + b"%08x " % 0 + tail):
        path.write_bytes(content)
        records, good_bytes = read_ledger(path)
        assert all(isinstance(record["kind"], str) for record in records)
        assert 0 <= good_bytes <= len(content)
        if content.startswith(LINES[0]):
            assert records[0] == RECORDS[0]


@given(st.lists(st.dictionaries(st.text(), st.integers() | st.text() | st.floats(allow_nan=False) | st.none())))
def test_every_record_comes_back(tmp_path_factory: pytest.TempPathFactory, fields: list[dict[str, Any]]) -> None:
    path = tmp_path_factory.mktemp("ledger") / "ledger"
    records = [{**record, "kind": "note"} for record in fields]
    path.write_bytes(b"".join(map(encode_record, records)))
    assert read_ledger(path) == (records, path.stat().st_size)


def test_what_is_appended_counts_after_a_sync(tmp_path: Path) -> None:
    path = tmp_path / "ledger"
    written = Ledger.open(path)
    for record in RECORDS:
        written.append(record)
    assert (written.n_unsynced, read_ledger(path)) == (3, ([], 0))
    written.sync()
    assert (written.n_unsynced, written.size, read_ledger(path)[0]) == (0, path.stat().st_size, RECORDS)
    written.append(RECORDS[0])
    written.close()
    assert read_ledger(path)[0] == RECORDS


def test_a_group_is_one_write_and_one_sync(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = Ledger.open(tmp_path / "ledger")
    effects = FaultyDisk(monkeypatch).log
    for _ in range(64):
        written.append(RECORDS[1])
    written.sync()
    written.sync()
    assert [name for name, _ in effects] == ["write", "fsync"]
    written.close()


def test_a_torn_tail_is_cut_before_anything_is_added(tmp_path: Path) -> None:
    path = tmp_path / "ledger"
    path.write_bytes(LINES[0] + LINES[1][:-1])
    written = Ledger.open(path)
    assert path.read_bytes() == LINES[0]
    written.append(RECORDS[2])
    written.sync()
    written.close()
    assert path.read_bytes() == LINES[0] + LINES[2]


@pytest.mark.parametrize("at", [1, 2])
def test_nothing_is_added_after_a_failed_write(at: int, tmp_path: Path) -> None:
    written = Ledger.open(tmp_path / "ledger")
    written.append(RECORDS[0])
    with pytest.MonkeyPatch.context() as patch:
        FaultyDisk(patch, at, errno.ENOSPC)
        with pytest.raises(StoreFullError, match="no room"):
            written.sync()
    # The kernel would say that all is well now, and has forgotten what it could not write.
    with pytest.raises(StoreFullError, match="any more"):
        written.sync()
    written.close()


def test_an_interrupt_in_the_midst_of_a_write_is_made_good(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, whole_write = tmp_path / "ledger", disk.write
    written = Ledger.open(path)
    written.append(RECORDS[0])
    written.sync()
    written.append(RECORDS[1])

    def interrupted(descriptor: int, text: bytes) -> None:
        whole_write(descriptor, text[:7])
        raise KeyboardInterrupt

    monkeypatch.setattr(disk, "write", interrupted)
    with pytest.raises(KeyboardInterrupt):
        written.sync()
    monkeypatch.setattr(disk, "write", whole_write)
    written.append(RECORDS[2])
    written.sync()
    written.close()
    assert read_ledger(path) == (RECORDS, path.stat().st_size)
