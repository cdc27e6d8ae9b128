"""What workers print is in their files, also when they die of it."""

from __future__ import annotations

import ctypes
import os
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from dask_sessions import end_of, pids, run
from worker_tasks import wait_until

from arraymill.cluster.config import ClusterConfig
from arraymill.cluster.errors import ClusterConfigError, WorkerDiedError
from arraymill.cluster.session import open_cluster
from arraymill.cluster.session.dask import DaskSession


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("made") / "logs"


@pytest.fixture(scope="module")
def session(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaskSession]:
    scratch = tmp_path_factory.mktemp("scratch")
    with open_cluster(ClusterConfig("local", workers=1, scratch=scratch, logs=folder)) as opened:
        assert isinstance(opened, DaskSession)
        yield opened


def test_files_are_private_and_named_after_their_worker(session: DaskSession, folder: Path) -> None:
    (log,) = folder.iterdir()
    assert log.name == "cpu0.log"
    assert (stat.S_IMODE(folder.stat().st_mode), stat.S_IMODE(log.stat().st_mode)) == (0o700, 0o600)


def test_prints_of_tasks_and_of_their_children_are_there(
    session: DaskSession, folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    def speak() -> None:
        print("by print")
        os.write(2, b"by a library\n")
        subprocess.run(["echo", "by a child"], check=True)

    run(session, speak)
    lines = (folder / "cpu0.log").read_text().splitlines()
    assert {"by print", "by a library", "by a child"} <= set(lines)
    assert tuple(capfd.readouterr()) == ("", "")


def test_a_crash_leaves_its_traceback_and_the_next_process_writes_behind_it(session: DaskSession, folder: Path) -> None:
    def crash() -> None:
        print("last words")
        ctypes.string_at(0)

    (before,) = pids(session)
    error = end_of(session, session.submit(crash, key="crash"))
    assert isinstance(error, WorkerDiedError)
    assert "SIGSEGV" in str(error)
    text = (folder / "cpu0.log").read_text()
    assert f"pid {before} starts" in text
    assert text.index("last words") < text.index("Segmentation fault")
    assert "in crash" in text
    wait_until(lambda: pids(session) != [before], "the next worker")
    assert f"pid {pids(session)[0]} starts" in (folder / "cpu0.log").read_text().partition("Segmentation fault")[2]


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    with pytest.raises(ClusterConfigError, match="log folder"):
        open_cluster(ClusterConfig("local", workers=1, scratch=scratch, logs=tmp_path / "file" / "logs"))
    assert list(scratch.iterdir()) == []
