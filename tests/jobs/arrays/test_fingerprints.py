from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arraymill.jobs.arrays import (
    Change,
    Fingerprint,
    MemorySource,
    compare_fingerprints,
    fingerprint,
    fingerprint_again,
    fingerprints,
    open_source,
)
from arraymill.jobs.errors import InputChangedError, InputError

N = 2000
"""Elements of 8 bytes behind 128 of header: beyond what eight chunks of 1000 bytes cover."""


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fingerprints, "CHUNK_BYTES", 1000)
    monkeypatch.setattr(fingerprints, "N_SAMPLES", 8)
    monkeypatch.setattr(fingerprints, "MOST_CHUNKS", 10)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    np.save(tmp_path / "x.npy", np.arange(float(N)))
    return tmp_path / "x.npy"


def known(path: Path, *, full: bool = False) -> Fingerprint:
    made = fingerprint(open_source(path), full=full)
    kept = Fingerprint.from_json(json.loads(json.dumps(made.to_json())))
    assert made == kept
    return kept


def change_since(old: Fingerprint) -> Change:
    return compare_fingerprints(old, fingerprint_again(old))


def overwrite(path: Path, byte: int) -> None:
    """Change one byte and nothing that ``stat`` tells."""
    status = path.stat()
    with path.open("r+b") as file:
        file.seek(byte)
        (was,) = file.read(1)
        file.seek(byte)
        file.write(bytes([was ^ 255]))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


@pytest.mark.parametrize("full", [False, True])
def test_an_untouched_file_is_the_same(path: Path, full: bool) -> None:
    old = known(path, full=full)
    assert Change((), (), is_proven=full) == change_since(old)
    assert change_since(old).is_same
    assert old.header == {"shape": [N], "dtype": "<f8", "order": "C", "data_offset": 128}
    assert (path.stat().st_ino, path.stat().st_size, str(path)) == (old.inode, old.size, old.path)


def test_a_touched_file_differs_in_time_alone(path: Path) -> None:
    old = known(path, full=True)
    os.utime(path, ns=(1, 1))
    change = change_since(old)
    assert Change(("mtime",), (), is_proven=True) == change
    assert change.is_same


def test_another_number_of_the_device_is_no_change(path: Path) -> None:
    old = known(path, full=True)
    assert Change((), (), is_proven=True) == change_since(replace(old, device=old.device + 1))


def test_a_copy_in_its_place_is_the_same_content(path: Path) -> None:
    old = known(path, full=True)
    shutil.copy(path, path.with_name("copy"))
    path.with_name("copy").replace(path)
    os.utime(path, ns=(1, 1))
    change = change_since(old)
    assert ({"inode", "mtime"}, (), True) == (set(change.fields), change.changed_ranges, change.is_proven)


@given(byte=st.integers(0, N * 8 + 127))
def test_every_changed_byte_is_in_a_range_if_all_was_looked_at(byte: int, tmp_path_factory: Any) -> None:
    path = tmp_path_factory.mktemp("changed") / "x.npy"
    np.save(path, np.arange(float(N)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fingerprints, "CHUNK_BYTES", 1000)
        patch.setattr(fingerprints, "MOST_CHUNKS", 10)
        old = known(path, full=True)
        overwrite(path, byte)
        change = change_since(old)
    ((start, stop),) = change.changed_ranges
    assert start <= byte < stop
    assert "content" in change.fields
    assert ("header" in change.fields) <= (byte < 128)
    assert change.is_proven
    assert not change.is_same


def test_a_byte_between_samples_is_not_seen_and_nothing_is_said_to_be_proven(path: Path) -> None:
    old = known(path)
    assert not old.is_complete
    overwrite(path, 1500)
    assert Change((), (), is_proven=False) == change_since(old)


def test_a_byte_in_a_sample_is_seen(path: Path) -> None:
    old = known(path)
    overwrite(path, 500)
    overwrite(path, old.size - 1)
    ranges = ((0, 1000), (old.size - 1000, old.size))
    assert Change(("content",), ranges, is_proven=False) == change_since(old)


def test_a_truncated_file(path: Path) -> None:
    old = known(path, full=True)
    os.truncate(path, 6000)
    change = change_since(old)
    # chunks of 1613 bytes: the fourth is cut
    assert (3 * 1613, old.size) == (change.changed_ranges[0][0], change.changed_ranges[0][1])
    assert {"size", "content"} <= set(change.fields)
    assert not change.is_same


@pytest.mark.parametrize("size", [0, 5])
def test_a_file_of_which_no_header_is_left(path: Path, size: int) -> None:
    old = known(path)
    os.truncate(path, size)
    change = change_since(old)
    assert {"size", "header", "content"} <= set(change.fields)
    assert change.changed_ranges[0][0] == 0


def test_a_file_that_grew(path: Path) -> None:
    old = known(path, full=True)
    with path.open("ab") as file:
        file.write(b"more")
    change = change_since(old)
    assert (((old.size, old.size + 4),), False) == (change.changed_ranges, change.is_proven)
    assert {"size", "content"} <= set(change.fields)


@pytest.mark.parametrize(
    "other",
    [
        np.arange(N),
        np.arange(float(N)).reshape(2, N // 2),
        np.arange(float(N)).astype(">f8"),
    ],
    ids=["dtype", "shape", "byte order"],
)
def test_another_header(path: Path, other: np.ndarray[Any, Any]) -> None:
    old = known(path)
    np.save(path, other)
    change = change_since(old)
    assert "header" in change.fields
    assert not change.is_same


def test_another_memory_order(path: Path) -> None:
    np.save(path, np.zeros((40, 50)))
    old = known(path)
    np.save(path, np.zeros((40, 50), order="F"))
    assert "header" in change_since(old).fields


def test_a_missing_file_or_a_folder_in_its_place(path: Path) -> None:
    old = known(path)
    path.unlink()
    expected = Change(("missing",), ((0, old.size),), is_proven=False)
    assert expected == change_since(old)
    assert not expected.is_same
    path.mkdir()
    assert expected == change_since(old)


def test_a_file_that_may_not_be_read_is_an_error(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = known(path)

    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(InputError, match="Permission denied"):
        fingerprint_again(old)


def test_two_modes_of_looking_agree_where_they_can(path: Path) -> None:
    # chunks that only one of them has count as changed: nothing is believed that was not looked at twice
    change = compare_fingerprints(known(path, full=True), known(path))
    assert not change.is_proven
    assert "content" in change.fields


@pytest.mark.parametrize("full", [False, True])
def test_a_file_that_changes_meanwhile_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch, full: bool) -> None:
    digest_spans, old = fingerprints.digest_spans, known(path)

    def digest_and_touch(*args: Any) -> Any:
        found = digest_spans(*args)
        os.utime(path, ns=(7, 7))
        return found

    source = open_source(path)
    monkeypatch.setattr(fingerprints, "digest_spans", digest_and_touch)
    with pytest.raises(InputChangedError, match="changed while it was looked at"):
        fingerprint(source, full=full)
    os.utime(path, ns=(1, 1))
    with pytest.raises(InputChangedError):
        fingerprint_again(old)


def test_a_file_that_changed_since_it_was_opened_is_refused(path: Path) -> None:
    source = open_source(path)
    np.save(path, np.zeros(3))
    with pytest.raises(InputChangedError):
        fingerprint(source)


def test_an_array_in_memory_has_none() -> None:
    with pytest.raises(TypeError, match="only files"):
        fingerprint(MemorySource("x", np.zeros(3)))


@pytest.mark.parametrize("n_bytes", [0, 1, 871, 872, 873, 7871, 7872, 7873, 9000, 9999, 10_000, 123_456])
@pytest.mark.parametrize("full", [False, True])
def test_the_first_and_the_last_byte_are_always_looked_at(tmp_path: Path, n_bytes: int, full: bool) -> None:
    np.save(tmp_path / "x.npy", np.zeros(n_bytes, np.uint8))
    made = known(tmp_path / "x.npy", full=full)
    ends = [(start, start + length) for start, length, _ in made.chunks]
    assert (0, made.size) == (ends[0][0], ends[-1][1])
    assert all(stop <= start for (_, stop), (start, _) in pairwise(ends))
    covered = sum(length for _, length, _ in made.chunks)
    assert (made.size if made.is_complete else 8000) == covered
    assert made.is_complete == (full or made.size <= 8000)
    assert len(made.chunks) <= max(10, made.size // 1000 + 1)


def test_a_broken_record_is_refused(path: Path) -> None:
    record = known(path).to_json()
    del record["inode"]
    with pytest.raises(KeyError):
        Fingerprint.from_json(record)
