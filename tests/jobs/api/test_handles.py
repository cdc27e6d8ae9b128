"""Facts of jobs in processes of their own, as Python objects and as the store shows them."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from numpy.typing import NDArray

from arraymill.jobs import submit
from arraymill.jobs.api.handles import JobHandle
from arraymill.jobs.errors import InputError, JobError, OutputError, SpecError, WaitTimeoutError
from arraymill.jobs.store import DeviceQueue, Wants, find_job, holder_of, list_jobs, read_state

TIMEOUT_S = 120.0


def wait_until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + TIMEOUT_S
    while not condition():
        assert time.monotonic() < deadline, f"still waiting for {what}"
        time.sleep(0.02)


@contextmanager
def busy_cpu() -> Iterator[None]:
    """Use the CPU as another job would."""
    queue = DeviceQueue()
    with queue.take_ticket("atest234", Wants(1, ("cpu",))) as ticket:
        hold = queue.try_take(ticket)
    assert not isinstance(hold, str)
    with hold:
        yield


@pytest.fixture(autouse=True)
def nothing_runs_on(home: Path) -> Iterator[None]:
    """Kill what a test that failed left running."""
    yield
    for folder in list_jobs():
        if (pid := holder_of(folder)) is not None and pid != os.getpid():
            psutil.Process(pid).kill()


def test_a_submitted_job_gives_its_result_to_whoever_asks(home: Path, x_path: Path, x: NDArray[Any]) -> None:
    job = submit("sum", x_path, axis=0)
    np.testing.assert_allclose(job.result(TIMEOUT_S), x.sum(axis=0), rtol=1e-13)
    assert (job.status, JobHandle(job.id).status) == ("DONE", "DONE")
    assert repr(job).startswith(f"<job {job.id}: sum, DONE, ")
    assert f"<th>job</th><td>{job.id}</td>" in job._repr_html_()
    assert (job.report.operation, job.report.n_done) == ("sum", job.report.n_blocks)
    assert "<td>sum</td>" in job.report._repr_html_()


def test_a_result_in_a_file_is_mapped(home: Path, tmp_path: Path, x_path: Path, x: NDArray[Any]) -> None:
    job = submit("map", x_path, expr="x + 1", output=tmp_path / "y.npy")
    found = job.result(TIMEOUT_S)
    assert isinstance(found, np.memmap)
    np.testing.assert_array_equal(found, x + 1)


def test_what_can_be_refused_is_refused_at_once(home: Path, tmp_path: Path, x_path: Path, x: NDArray[Any]) -> None:
    with pytest.raises(SpecError, match="input 0 of a submitted job is a ndarray"):
        submit("sum", x)  # type: ignore[arg-type]
    with pytest.raises(InputError):
        submit("sum", tmp_path / "none.npy")
    with pytest.raises(OutputError):
        submit("sum", x_path, output=tmp_path / "none" / "s.npy")
    assert list_jobs() == []


def test_a_job_waits_for_its_device_and_says_so(home: Path, x_path: Path, x: NDArray[Any]) -> None:
    with busy_cpu():
        job = submit("sum", x_path)
        folder = find_job(job.id)
        wait_until(lambda: "job atest234" in read_state(folder).reason, "the reason")
        assert job.status == "PENDING"
        with pytest.raises(WaitTimeoutError, match="PENDING"):
            job.wait(0.01)
    np.testing.assert_allclose(job.result(TIMEOUT_S), x.sum(), rtol=1e-13)


def test_a_waiting_job_is_cancelled_once_and_for_all(home: Path, x_path: Path) -> None:
    with busy_cpu():
        job = submit("sum", x_path)
        folder = find_job(job.id)
        wait_until(lambda: bool(read_state(folder).reason), "the reason")
        assert (job.cancel(), job.cancel(), read_state(folder).exit_code) == ("CANCELLED", "CANCELLED", 4)
    assert holder_of(folder) is None
    with pytest.raises(JobError, match="cancelled"):
        job.result(TIMEOUT_S)


def test_a_killed_driver_leaves_an_interrupted_job(home: Path, x_path: Path) -> None:
    with busy_cpu():
        job = submit("sum", x_path)
        folder = find_job(job.id)
        wait_until(lambda: bool(read_state(folder).reason), "the reason")
        pid = holder_of(folder)
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        assert job.wait(TIMEOUT_S) == "INTERRUPTED"
        assert "is gone" in read_state(folder).reason
        with pytest.raises(JobError) as caught:
            job.result()
    assert caught.value.exit_code == 75


def test_a_home_by_a_relative_path_is_the_same_for_the_driver(
    tmp_path: Path, x_path: Path, x: NDArray[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ARRAYMILL_HOME", "here")
    np.testing.assert_allclose(submit("sum", x_path).result(TIMEOUT_S), x.sum(), rtol=1e-13)
    assert (tmp_path / "here").is_dir()
