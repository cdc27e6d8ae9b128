from __future__ import annotations

import os
from itertools import accumulate
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arraymill.jobs.arrays.file_sets import list_files
from arraymill.jobs.errors import InputChangedError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "b" / "c").mkdir(parents=True)
    for name, content in {"a": b"abc", "b/1": b"", "b/c/2": b"defgh", "d": b"ij"}.items():
        (tmp_path / name).write_bytes(content)
    return tmp_path


def test_folders_are_listed_with_all_that_is_in_them(folder: Path) -> None:
    files = list_files("x", [str(folder / "d"), str(folder / "b"), str(folder / "none"), str(folder / "d")])
    assert [str(Path(path).relative_to(folder)) for path in files.paths] == ["b/1", "b/c/2", "d"]
    assert (files.n_bytes, files.newest_ns) == (7, max(stamp.mtime_ns for stamp in files.stamps))
    assert list_files("x", [str(folder / "none")]).newest_ns == 0


@given(st.tuples(st.integers(0, 10), st.integers(0, 10)))
def test_spans_go_from_file_to_file(tmp_path_factory: pytest.TempPathFactory, bounds: tuple[int, int]) -> None:
    folder = tmp_path_factory.mktemp("set")
    start, stop = min(bounds), max(bounds)
    ends = list(accumulate([3, 0, 5, 2]))
    contents = [b"abcdefghij"[end - n : end] for end, n in zip(ends, [3, 0, 5, 2], strict=True)]
    for number, content in enumerate(contents):
        (folder / str(number)).write_bytes(content)
    files = list_files("x", [str(folder)])
    before = files.digest_spans([(start, stop - start), (0, 10), (9, 1)])
    # another byte of the span, then one that is not in it
    for place in range(10):
        number = next(n for n, end in enumerate(ends) if place < end)
        path = folder / str(number)
        content = bytearray(path.read_bytes())
        content[place - ends[number]] ^= 1
        path.write_bytes(content)
        after = files.digest_spans([(start, stop - start), (0, 10), (9, 1)])
        assert [one == other for one, other in zip(before, after, strict=True)] == [
            not start <= place < stop,
            False,
            place != 9,
        ]
        content[place - ends[number]] ^= 1
        path.write_bytes(content)


def test_names_sizes_and_times_are_told_apart(folder: Path) -> None:
    was = list_files("x", [str(folder)])
    os.utime(folder / "d", ns=(1, 1))
    now = list_files("x", [str(folder)])
    assert (was.digest_names() == now.digest_names(), was.digest_times() == now.digest_times()) == (True, False)
    assert was.digest_names() != was.digest_names([("s3://x", "1")])
    (folder / "d").rename(folder / "e")
    assert list_files("x", [str(folder)]).digest_names() != now.digest_names()


def test_a_file_that_ends_early_is_told_of(folder: Path) -> None:
    files = list_files("x", [str(folder)])
    (folder / "a").write_bytes(b"")
    with pytest.raises(InputChangedError, match="truncated"):
        files.digest_spans([(0, 10)])
