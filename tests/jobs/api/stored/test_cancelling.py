"""Facts of cancelled jobs: whom a signal reaches, and whom it never does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from store_processes import Processes

from arraymill.jobs.api.stored import cancelling
from arraymill.jobs.errors import JobRunningError
from arraymill.jobs.store import JobFolder, JobLock, JobState, create_job_folder, read_state, write_state


@pytest.fixture
def folder(home: Path) -> JobFolder:
    folder = create_job_folder()
    write_state(folder, JobState("RUNNING"))
    return folder


@pytest.fixture
def stranger() -> Iterator[subprocess.Popen[bytes]]:
    """A process that has nothing to do with any job."""
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as process:
        yield process
        process.kill()


def test_the_holder_is_ended(folder: JobFolder) -> None:
    with Processes.open() as processes:
        holder = processes.start("lock", folder.path)
        processes.adopt(int(holder.until("locked").split()[1]))
        assert cancelling.cancel_job(folder).status == "CANCELLED"
        assert holder.end() == -signal.SIGTERM


def test_a_process_with_the_number_of_an_earlier_holder_is_not_signalled(
    folder: JobFolder, stranger: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    # as between the moments in which a process takes a lock and says whose it is: the last holder's number is there
    monkeypatch.setattr(cancelling, "_POLITE_S", 0.0)
    monkeypatch.setattr(cancelling, "_FORCED_S", 0.0)
    with JobLock.acquire(folder) as lock:
        lock.set_holder(stranger.pid)
        with pytest.raises(JobRunningError, match="does not end"):
            cancelling.cancel_job(folder)
    assert stranger.poll() is None


def test_a_job_of_another_machine_is_left_to_it(
    folder: JobFolder, stranger: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    here = os.uname()
    with JobLock.acquire(folder) as lock:
        with monkeypatch.context() as patch:
            patch.setattr(os, "uname", lambda: os.uname_result((here.sysname, "node7", *here[2:])))
            lock.set_holder(stranger.pid)
        with pytest.raises(JobRunningError, match=f"job {folder.id} runs on node7"):
            cancelling.cancel_job(folder)
    assert stranger.poll() is None
    assert (folder.cancel.exists(), read_state(folder).status) == (False, "INTERRUPTED")
