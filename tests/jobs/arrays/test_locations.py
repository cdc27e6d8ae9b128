from __future__ import annotations

from pathlib import Path

import pytest

from arraymill.jobs.arrays.locations import absolute_text, is_pattern, is_url, locate
from arraymill.jobs.errors import InputError


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_folder_whose_name_is_not_utf_8_is_named(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = here / b"gr\xf6sse".decode(errors="surrogateescape")
    folder.mkdir()
    monkeypatch.chdir(folder)
    with pytest.raises(InputError, match=r"x\.npy: its path has bytes that are not UTF-8"):
        locate("x.npy")


@pytest.mark.parametrize(
    ("text", "path", "member"),
    [
        ("x.npy", "x.npy", None),
        ("x.h5::a/b", "x.h5", "a/b"),
        ("x.h5::a::b", "x.h5", "a::b"),
        ("x.h5::", "x.h5", ""),
    ],
)
def test_a_path_is_taken_apart(here: Path, text: str, path: str, member: str | None) -> None:
    location = locate(text)
    assert (location.name, location.path, location.member) == (text, str(here / path), member)
    assert location.file == path


@pytest.mark.parametrize(
    ("url", "path", "member"),
    [
        ("s3://bucket/x.npy", "s3://bucket/x.npy", None),
        ("s3://bucket//x.h5::a//b", "s3://bucket//x.h5", "a//b"),
        ("simplecache::s3://bucket/x.npy", "simplecache::s3://bucket/x.npy", None),
        ("simplecache::https://host/x.h5::a", "simplecache::https://host/x.h5", "a"),
    ],
)
def test_a_url_is_taken_apart(url: str, path: str, member: str | None) -> None:
    assert is_url(url)
    assert (locate(url).path, locate(url).member) == (path, member)
    assert absolute_text(url) == url


def test_a_file_that_is_there_is_what_is_meant(here: Path) -> None:
    for name in ("a::b.npy", "a[1].npy"):
        (here / name).touch()
        assert (locate(name).member, is_pattern(name)) == (None, False)
        assert absolute_text(name) == str(here / name)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *(("runs/*.npy", True), ("x[01].h5::a", True), ("?.npy", True), ("x.h5::a*", False), ("x.npy", False)),
        *(("https://host/x.npy?token=1", False), ("s3://bucket/*.npy", False)),
    ],
)
def test_patterns(here: Path, text: str, expected: bool) -> None:
    assert is_pattern(text) is expected
    assert is_pattern(absolute_text(text)) is expected


def test_a_folder_with_brackets_is_no_pattern(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = here / "run [1]"
    folder.mkdir()
    (folder / "x1.npy").touch()
    monkeypatch.chdir(folder)
    assert absolute_text("*.npy") == f"{here}/run [[]1]/*.npy"
    assert absolute_text("x1.npy") == f"{folder}/x1.npy"
    assert not is_pattern(absolute_text("x1.npy"))


def test_a_member_stays_as_it_stands(here: Path) -> None:
    assert absolute_text("x.h5::/a//b/") == f"{here}/x.h5::/a//b/"


def test_impossible_names_are_left_to_who_opens_them(here: Path) -> None:
    assert locate("a\0b").path == f"{here}/a\0b"
    assert not is_pattern("x" * 300)
