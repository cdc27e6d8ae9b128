from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from disk_faults import FaultyDisk

from arraymill.jobs.errors import JobError, StoreFullError
from arraymill.jobs.store.files import create_file, make_folder, read_file, store_error, write_file, writing


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture(params=[0o000, 0o022, 0o077, 0o777])
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


@pytest.mark.usefixtures("umask")
def test_nobody_else_may_look_whatever_the_umask_is(tmp_path: Path) -> None:
    make_folder(tmp_path / "a" / "b")
    write_file(tmp_path / "a" / "b" / "file", b"x")
    os.close(create_file(tmp_path / "a" / "open", os.O_RDWR))
    assert [mode(tmp_path / name) for name in ("a", "a/b", "a/b/file", "a/open")] == [0o700, 0o700, 0o600, 0o600]


def test_a_folder_that_is_there_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home").chmod(0o755)
    make_folder(tmp_path / "home")
    assert mode(tmp_path / "home") == 0o755


def test_a_folder_cannot_be_made_under_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path / "file", tmp_path / "file" / "under"):
        with pytest.raises(NotADirectoryError):
            make_folder(path)


def test_a_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "state"
    write_file(path, b"old")
    with path.open("rb") as reader:
        write_file(path, b"new and longer")
        assert reader.read() == b"old"
    assert path.read_bytes() == b"new and longer"
    assert [entry.name for entry in tmp_path.iterdir()] == ["state"]


def test_a_write_is_synced_before_its_name_and_then_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = FaultyDisk(monkeypatch)
    write_file(tmp_path / "state", b"x")
    assert [name for name, _ in disk.log] == ["create", "write", "fsync", "rename", "fsync_folder"]


@pytest.mark.parametrize("at", [1, 2, 3, 4])
def test_a_full_disk_leaves_the_old_content_and_no_litter(tmp_path: Path, at: int) -> None:
    write_file(tmp_path / "state", b"old")
    with pytest.MonkeyPatch.context() as patch:
        FaultyDisk(patch, at, errno.ENOSPC)
        with pytest.raises(StoreFullError, match="no room"):
            write_file(tmp_path / "state", b"new")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"state": b"old"}


def test_a_link_in_the_place_of_a_file_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "precious").write_bytes(b"precious")
    (tmp_path / "lock").symlink_to(tmp_path / "precious")
    with pytest.raises(OSError, match="symbolic link"):
        create_file(tmp_path / "lock", os.O_RDWR | os.O_TRUNC)
    assert (tmp_path / "precious").read_bytes() == b"precious"


def test_what_is_not_there_reads_as_none(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    assert [read_file(tmp_path / name) for name in ("file", "none", "file/under")] == [b"x", None, None]


@pytest.mark.parametrize(
    ("number", "kind", "what"),
    [
        (errno.ENOSPC, StoreFullError, "there is no room for the records of the job"),
        (errno.EDQUOT, StoreFullError, "there is no room for the records of the job"),
        (errno.EROFS, StoreFullError, "the records of the job cannot be written"),
        (errno.EIO, StoreFullError, "the records of the job cannot be written"),
        (errno.ENOENT, JobError, "the folder of the job is gone"),
        (errno.ESTALE, JobError, "the folder of the job is gone"),
    ],
)
def test_each_trouble_of_the_disk_has_its_own_words(number: int, kind: type[JobError], what: str) -> None:
    error = store_error(Path("/jobs/a"), OSError(number, os.strerror(number)))
    assert (type(error), error.what, error.cause) == (kind, what, f"/jobs/a: {os.strerror(number)}")
    assert all([error.safe, error.next])


def test_errors_of_the_job_pass_through() -> None:
    inner = StoreFullError("once")
    with pytest.raises(StoreFullError) as caught, writing(Path("x")):
        raise inner
    assert caught.value is inner
