from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from arraymill.jobs.errors import JobError, JobRunningError, NoSuchJobError
from arraymill.jobs.store import (
    JobFolder,
    JobLock,
    JobState,
    catalogue,
    find_job,
    jobs_folder,
    list_jobs,
    read_state,
    remove_job,
    write_state,
)


def add_job(name: str, *, called: str = "", created_s: float = 0.0) -> JobFolder:
    folder = JobFolder(jobs_folder() / name)
    folder.path.mkdir(parents=True)
    write_state(folder, JobState("DONE", created_s=created_s, name=called))
    return folder


@pytest.fixture
def three(home: Path) -> list[JobFolder]:
    """The newest first."""
    return [
        add_job("abcd2345", called="night", created_s=3.0),
        add_job("abce2345", called="day", created_s=2.0),
        add_job("zzzz2345", called="day", created_s=1.0),
    ]


def test_jobs_are_listed_the_newest_first(three: list[JobFolder]) -> None:
    assert list_jobs() == three


def test_what_is_no_job_is_not_listed(three: list[JobFolder]) -> None:
    (jobs_folder() / "readme.txt").touch()
    (jobs_folder() / "aaaaaaaa").touch()
    (jobs_folder() / ".abcd2345.removed").mkdir()
    (jobs_folder() / "lost+found").mkdir()
    assert list_jobs() == three


def test_without_a_home_there_are_no_jobs_and_none_is_created(home: Path) -> None:
    assert list_jobs() == []
    assert not home.exists()


@pytest.mark.usefixtures("home")
def test_a_job_without_a_state_is_as_old_as_its_folder() -> None:
    old, new = add_job("aaaaaaaa", created_s=1.0), JobFolder(jobs_folder() / "bbbbbbbb")
    new.path.mkdir()
    assert list_jobs() == [new, old]


def test_a_job_that_is_removed_while_it_is_listed_is_no_error(
    three: list[JobFolder], monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_removed(folder: JobFolder) -> JobState:
        shutil.rmtree(folder.path, ignore_errors=True)
        return read_state(folder)

    monkeypatch.setattr(catalogue, "read_state", read_removed)
    assert len(list_jobs()) == 3
    assert list_jobs() == []


@pytest.mark.parametrize(
    ("text", "number"), [("abcd2345", 0), ("abcd", 0), ("night", 0), ("abce", 1), ("zz", 2), ("zzzz2345", 2)]
)
def test_a_job_is_found_by_id_beginning_and_name(text: str, number: int, three: list[JobFolder]) -> None:
    assert find_job(text) == three[number]


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("abc", "abcd2345, abce2345"),
        ("day", "abce2345, zzzz2345"),
        ("z", "3 jobs in "),
        ("", "3 jobs in "),
        ("abcd2346", "near it: abcd2345"),
        ("nigth", "near it: night"),
        ("../../etc", "3 jobs in "),
        ("*", "3 jobs in "),
    ],
)
def test_what_names_no_single_job_says_what_is_near(text: str, cause: str, three: list[JobFolder]) -> None:
    assert len(three) == 3
    with pytest.raises(NoSuchJobError) as caught:
        find_job(text)
    assert caught.value.exit_code == 10
    assert caught.value.cause.startswith(cause)


@pytest.mark.usefixtures("home")
def test_an_id_is_meant_before_a_name() -> None:
    add_job("aaaaaaaa", called="bbbbbbbb")
    job = add_job("bbbbbbbb")
    assert find_job("bbbbbbbb") == job


def test_a_job_is_removed_with_all_that_is_in_its_folder(three: list[JobFolder]) -> None:
    (three[0].path / "workers").mkdir()
    (three[0].path / "workers" / "cpu0.log").touch()
    remove_job(three[0])
    assert sorted(path.name for path in jobs_folder().iterdir()) == ["abce2345", "zzzz2345"]


def test_a_job_that_somebody_works_on_is_not_removed(three: list[JobFolder]) -> None:
    with JobLock.acquire(three[0]), pytest.raises(JobRunningError):
        remove_job(three[0])
    assert list_jobs() == three


def test_what_a_removal_left_that_died_goes_with_the_next(three: list[JobFolder]) -> None:
    (jobs_folder() / ".aaaaaaaa.removed" / "workers").mkdir(parents=True)
    remove_job(three[0])
    assert sorted(path.name for path in jobs_folder().iterdir()) == ["abce2345", "zzzz2345"]


def test_a_job_is_removed_once(three: list[JobFolder]) -> None:
    remove_job(three[0])
    with pytest.raises(JobError):
        remove_job(three[0])
