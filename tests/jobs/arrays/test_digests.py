from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from arraymill.jobs.arrays import digests
from arraymill.jobs.arrays.digests import digest_spans
from arraymill.jobs.errors import InputChangedError, InputError

CONTENT = bytes(range(256)) * 20


@pytest.fixture
def descriptor(tmp_path: Path) -> Iterator[int]:
    (tmp_path / "x").write_bytes(CONTENT)
    opened = os.open(tmp_path / "x", os.O_RDONLY)
    yield opened
    os.close(opened)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    spans=st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 2000)), max_size=10),
    n_threads=st.integers(1, 4),
    read_bytes=st.sampled_from([7, 256, 1 << 20]),
)
def test_each_part_has_the_digest_of_its_bytes(
    descriptor: int, spans: list[tuple[int, int]], n_threads: int, read_bytes: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(digests, "READ_BYTES", read_bytes)
        patch.setattr(os, "sched_getaffinity", lambda _: set(range(n_threads)))
        found = digest_spans("x", descriptor, spans)
    assert [hashlib.blake2b(CONTENT[s : s + n], digest_size=16).hexdigest() for s, n in spans] == found


def test_a_file_that_ends_early_has_changed(descriptor: int) -> None:
    with pytest.raises(InputChangedError, match="x: the file was truncated at byte 5120"):
        digest_spans("x", descriptor, [(0, 100), (5000, 1000)])


def test_a_device_error_names_the_file(descriptor: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def preadv(*_: object) -> int:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "preadv", preadv)
    with pytest.raises(InputError, match="x: cannot be read at byte 100"):
        digest_spans("x", descriptor, [(100, 100)])


def test_advice_that_is_refused_is_no_matter(descriptor: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(22, "Invalid argument")

    monkeypatch.setattr(os, "posix_fadvise", refuse)
    assert len(digest_spans("x", descriptor, [(0, 10)])) == 1
