from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arraymill.jobs.errors import JobError
from arraymill.jobs.store import LIVE, TERMINAL, JobFolder, JobLock, JobState, read_state, state, write_state

FULL = JobState(
    "FAILED",
    created_s=1.5,
    started_s=2.5,
    ended_s=3.5,
    pid=4242,
    epoch=2,
    exit_code=1,
    reason="x",
    error={"id": "block-failed", "what": "w", "cause": "c", "safe": "s", "next": "n"},
    n_blocks=8,
    n_done=7,
    name="night",
    op="cov",
    output="/c.npy",
    place="local",
    retries=1,
    splits=2,
    deaths=3,
)


@pytest.mark.parametrize("state", [FULL, JobState("DONE")])
def test_a_state_comes_back(state: JobState, folder: JobFolder) -> None:
    write_state(folder, state)
    assert read_state(folder) == state


@pytest.mark.parametrize("status", LIVE + TERMINAL)
def test_a_live_status_needs_somebody_who_holds_the_lock(status: str, folder: JobFolder) -> None:
    with JobLock.acquire(folder):
        write_state(folder, JobState(status, pid=4242))
        assert read_state(folder) == JobState(status, pid=4242)
    after = read_state(folder)
    if status in LIVE:
        assert (after.status, after.pid, after.exit_code) == ("INTERRUPTED", None, 75)
        assert "4242" in after.reason
    else:
        assert after == JobState(status, pid=4242)
    assert after.is_terminal


def test_a_job_that_ends_while_it_is_read_is_not_taken_for_interrupted(
    folder: JobFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_state(folder, JobState("RUNNING"))

    def ends_now(folder: JobFolder) -> bool:
        write_state(folder, JobState("DONE"))
        return False

    monkeypatch.setattr(state, "is_locked", ends_now)
    assert read_state(folder).status == "DONE"


def test_a_job_that_is_taken_up_again_while_it_is_read_is_live(
    folder: JobFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_state(folder, JobState("RUNNING", epoch=1))
    answers = iter([False, True])

    def taken_up(folder: JobFolder) -> bool:
        write_state(folder, JobState("STARTING", epoch=2))
        return next(answers)

    monkeypatch.setattr(state, "is_locked", taken_up)
    assert read_state(folder) == JobState("STARTING", epoch=2)


def snapshot(folder: JobFolder) -> list[Path]:
    return sorted(folder.path.parent.rglob("*"))


def removed(folder: JobFolder) -> None:
    shutil.rmtree(folder.path)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda folder: None, "its state was never written"),
        (removed, "its folder is gone"),
        (lambda folder: folder.state.write_bytes(b""), "its state is damaged"),
        (lambda folder: folder.state.write_bytes(b'{"status": "RUN'), "its state is damaged"),
        (lambda folder: folder.state.write_bytes(b"\xff\xfe\x00"), "its state is damaged"),
        (lambda folder: folder.state.write_bytes(b"[]"), "its state is damaged"),
        (lambda folder: folder.state.write_bytes(b"7"), "its state is damaged"),
        (lambda folder: folder.state.write_bytes(b"[" * 100_000), "its state is damaged"),
        (lambda folder: folder.state.write_bytes(b'{"status": "SLEEPING"}'), "its state is damaged"),
        (lambda folder: folder.state.write_bytes(b'{"status": ["DONE"]}'), "its state is damaged"),
        (lambda folder: folder.state.write_bytes(b'{"status": "DONE", "n_done": "7"}'), "its state is damaged"),
        (lambda folder: folder.state.write_bytes(b'{"status": "DONE", "error": []}'), "its state is damaged"),
        (lambda folder: folder.state.mkdir(), "its state cannot be read: Is a directory"),
    ],
)
def test_what_is_damaged_or_missing_reads_as_interrupted(
    spoil: Callable[[JobFolder], object], reason: str, folder: JobFolder
) -> None:
    spoil(folder)
    before = snapshot(folder)
    assert (read_state(folder).status, read_state(folder).reason) == ("INTERRUPTED", reason)
    assert snapshot(folder) == before


def test_a_job_that_is_being_created_is_pending(folder: JobFolder) -> None:
    with JobLock.acquire(folder):
        assert read_state(folder) == JobState("PENDING", reason="it is being created")


def test_whole_numbers_do_for_seconds_and_later_fields_are_passed_over(folder: JobFolder) -> None:
    document = asdict(FULL) | {"created_s": 1, "ended_s": 3, "colour": "green"}
    folder.state.write_text(json.dumps(document))
    assert read_state(folder) == replace(FULL, created_s=1, ended_s=3)


JSON: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


DONE: Any = st.fixed_dictionaries({"status": st.just("DONE"), "n_done": JSON, "error": JSON})


@given(st.binary(max_size=100) | JSON | DONE)
def test_no_content_raises(tmp_path_factory: pytest.TempPathFactory, content: Any) -> None:
    folder = JobFolder(tmp_path_factory.mktemp("abcdefgh"))
    folder.state.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    assert read_state(folder).status in TERMINAL


def test_a_state_cannot_be_written_for_a_job_that_is_removed(folder: JobFolder) -> None:
    shutil.rmtree(folder.path)
    with pytest.raises(JobError, match="folder of the job is gone"):
        write_state(folder, FULL)
    assert not folder.path.exists()
