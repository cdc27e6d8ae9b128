from __future__ import annotations

import fcntl
import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from arraymill.jobs.arrays.partial_claim import open_partial
from arraymill.jobs.errors import JobRunningError
from arraymill.jobs.locks import unlock_and_close
from arraymill.jobs.store import JobFolder, JobLock


@pytest.fixture
def children() -> Iterator[None]:
    """Another thread that starts processes: each has a copy of every descriptor, from its fork to its exec."""
    end = threading.Event()

    def start() -> None:
        while not end.is_set():
            subprocess.run(["true"], check=True)

    starter = threading.Thread(target=start)
    starter.start()
    yield
    end.set()
    starter.join()


def test_a_copy_of_the_descriptor_does_not_keep_the_lock(tmp_path: Path) -> None:
    first, second = (os.open(tmp_path / "file", os.O_RDWR | os.O_CREAT) for _ in range(2))
    fcntl.flock(first, fcntl.LOCK_EX)
    copy = os.dup(first)
    with pytest.raises(BlockingIOError):
        fcntl.flock(second, fcntl.LOCK_EX | fcntl.LOCK_NB)
    unlock_and_close(first)
    fcntl.flock(second, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(copy)
    unlock_and_close(second)


@pytest.mark.usefixtures("children")
def test_a_job_is_free_at_once_while_processes_are_started(tmp_path: Path) -> None:
    folder = JobFolder(tmp_path / "kbdm3xqa")
    folder.path.mkdir()
    for _ in range(2000):
        try:
            JobLock.acquire(folder).release()
        except JobRunningError as error:
            pytest.fail(str(error))


@pytest.mark.usefixtures("children")
def test_an_output_is_free_at_once_while_processes_are_started(tmp_path: Path) -> None:
    for _ in range(2000):
        open_partial("sum", tmp_path / "sum.npy").close()
