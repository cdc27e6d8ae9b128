from __future__ import annotations

import errno
import stat
from pathlib import Path

import pytest
from disk_faults import FaultyDisk

from arraymill.jobs.errors import SpecError, StoreFullError
from arraymill.jobs.store import JobFolder, create_job_folder, home, home_folder, is_job_id, jobs_folder, new_job_id


@pytest.mark.usefixtures("home")
def test_asking_where_jobs_live_creates_nothing() -> None:
    assert jobs_folder() == home_folder() / "jobs"
    assert not home_folder().exists()


def test_the_home_is_absolute_whatever_is_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ARRAYMILL_HOME", "here")
    assert home_folder() == tmp_path / "here"
    monkeypatch.setenv("ARRAYMILL_HOME", "~/there")
    assert home_folder() == Path.home() / "there"


@pytest.mark.parametrize("value", [None, ""])
def test_the_default_is_the_folder_of_the_user(
    value: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    if value is None:
        monkeypatch.delenv("ARRAYMILL_HOME")
    else:
        monkeypatch.setenv("ARRAYMILL_HOME", value)
    assert home_folder() == tmp_path / "arraymill"


def test_ids_have_one_form_and_differ() -> None:
    ids = {new_job_id() for _ in range(1000)}
    assert len(ids) == 1000
    assert all(is_job_id(name) for name in ids)


@pytest.mark.parametrize(
    "text", ["", "abcdefg", "abcdefghi", "2bcdefgh", "abcdefg1", "abcdefgH", "../defgh", "abcdefgh\n"]
)
def test_what_is_no_id(text: str) -> None:
    assert not is_job_id(text)


def test_a_new_job_has_its_folders_for_nobody_else(folder: JobFolder, home: Path) -> None:
    assert folder.path.parent == home / "jobs"
    assert sorted(path.name for path in folder.path.iterdir()) == ["running", "workers"]
    for path in (home, home / "jobs", folder.path, folder.workers, folder.running):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700


@pytest.mark.usefixtures("home")
def test_an_id_that_is_taken_is_drawn_again(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = iter(["aaaaaaaa", "aaaaaaaa", "bbbbbbbb"])
    monkeypatch.setattr(home, "new_job_id", lambda: next(drawn))
    assert [create_job_folder().id, create_job_folder().id] == ["aaaaaaaa", "bbbbbbbb"]


def test_all_paths_of_a_job_lie_in_its_folder() -> None:
    folder = JobFolder(Path("/home/jobs/abcdefgh"))
    names = [name for name, kind in vars(JobFolder).items() if isinstance(kind, property) and name != "id"]
    paths = [getattr(folder, name) for name in names]
    assert len(set(paths)) == len(paths) == 14
    assert {path.parent for path in paths} == {folder.path}


@pytest.mark.parametrize("home", ["/proc/nobody/can/write", "file/under"])
def test_a_home_that_cannot_be_created_says_how_to_name_another(
    home: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ARRAYMILL_HOME", home)
    with pytest.raises(SpecError, match="cannot be created") as caught:
        create_job_folder()
    assert caught.value.exit_code == 2
    assert "ARRAYMILL_HOME" in caught.value.next
    assert caught.value.cause.startswith(("/proc", str(tmp_path)))


@pytest.mark.usefixtures("home")
def test_a_full_disk_is_said_at_any_effect() -> None:
    for at in range(1, 100):
        with pytest.MonkeyPatch.context() as patch:
            disk = FaultyDisk(patch, at, errno.ENOSPC)
            try:
                create_job_folder()
            except StoreFullError:
                continue
            assert len(disk.log) < at
            return
    pytest.fail("there is no end to the effects")
