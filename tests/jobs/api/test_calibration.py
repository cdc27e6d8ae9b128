"""Facts of measuring for a job: once, before its first block, where it is worth it, and never at the job's risk."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from arraymill.jobs.api import calibration
from arraymill.jobs.api.calibration import known_calibration, measure_workers, this_machine
from arraymill.jobs.headers import ArrayHeader
from arraymill.jobs.job import Job, open_job
from arraymill.jobs.limits import Limits
from arraymill.jobs.rates.calibration import Calibration
from arraymill.jobs.spec.job_spec import JobSpec

ONE = Calibration("cpu", time.time(), 1.1, 1.0, 2, "/", read=9e9, flops={"f4": 1e11, "f8": 5e10})


class FakeSession:
    """Answers a task as it is told, and counts what it is asked."""

    def __init__(self, answer: Callable[[], Any], *, kind: str = "local") -> None:
        self.kind, self.device, self._answer = kind, "cpu", answer
        self.tasks: list[tuple[Any, ...]] = []
        self.waited_s: list[float] = []

    def submit(self, function: Any, /, *args: Any, key: str) -> Future[Any]:
        self.tasks.append((function, *args, key))
        future: Future[Any] = Future()
        try:
            if (answer := self._answer()) is not None:
                future.set_result(answer)
        except Exception as error:  # noqa: BLE001 - the task's
            future.set_exception(error)
        return future

    def wait(self, futures: list[Future[Any]], timeout_s: float) -> set[Future[Any]]:
        self.waited_s.append(timeout_s)
        return {future for future in futures if future.done()}


@pytest.fixture
def job(map_spec: JobSpec) -> Job:
    return open_job(map_spec)


@dataclass(frozen=True)
class LongPlan:
    """What is asked of a plan: here of one that takes a minute."""

    predicted_s: float = 60.0
    limits: Limits = field(default_factory=Limits)
    output: ArrayHeader = field(default_factory=lambda: ArrayHeader("y", (4,), np.dtype("f4")))


@pytest.fixture
def plan() -> Any:
    return LongPlan()


def test_workers_measure_once(job: Job, plan: Any, tmp_path: Path) -> None:
    session = FakeSession(lambda: ONE)
    rates = measure_workers(job, plan, session)
    assert rates is not None
    assert (rates.read, rates.is_measured) == (9e9, True)
    assert known_calibration("cpu") == ONE
    assert measure_workers(job, plan, session) is None
    ((task, device, folder, key),) = session.tasks
    assert (task.func.__name__, device, folder) == ("calibrate", "cpu", tmp_path)
    assert key.startswith("calibrate-")


def test_a_job_without_an_output_is_measured_where_jobs_live(sum_spec: JobSpec, plan: Any, tmp_path: Path) -> None:
    job, session = open_job(sum_spec), FakeSession(lambda: ONE)
    measure_workers(job, plan, session)
    # the home is not made yet
    assert session.tasks[0][2] == tmp_path


def test_short_jobs_are_not_made_longer(job: Job, plan: Any) -> None:
    session = FakeSession(lambda: ONE)
    assert measure_workers(job, replace(plan, predicted_s=2.0), session) is None
    assert session.tasks == []


def test_this_process_is_not_measured(job: Job, plan: Any) -> None:
    session = FakeSession(lambda: ONE, kind="inline")
    assert measure_workers(job, plan, session) is None
    assert session.tasks == []


def refuse() -> Any:
    raise RuntimeError("the worker died")


@pytest.mark.parametrize("answer", [refuse, lambda: "no calibration", lambda: replace(ONE, read=None, flops={})])
def test_a_measurement_that_fails_is_forgotten(
    job: Job, plan: Any, answer: Callable[[], Any], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        assert measure_workers(job, plan, FakeSession(answer)) is None
    assert known_calibration("cpu") is None


def test_a_measurement_that_does_not_end_is_left_behind(job: Job, plan: Any, caplog: pytest.LogCaptureFixture) -> None:
    session = FakeSession(lambda: None)
    with caplog.at_level(logging.WARNING):
        assert measure_workers(job, plan, session) is None
    assert session.waited_s == [20.0]
    assert "no answer within 20 s" in caplog.text


def test_a_session_that_refuses_tasks_is_left_alone(job: Job, plan: Any) -> None:
    session = FakeSession(lambda: ONE)
    session.submit = lambda *args, key: (_ for _ in ()).throw(CancelledError())  # type: ignore[method-assign]
    assert measure_workers(job, plan, session) is None


def test_a_home_that_cannot_be_written_costs_the_calibration_alone(
    job: Job, plan: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("ARRAYMILL_HOME", str(tmp_path / "file"))
    assert measure_workers(job, plan, FakeSession(lambda: ONE)) is None


def test_a_processor_has_its_name() -> None:
    assert this_machine("cpu").processor == calibration._processor()
    assert this_machine("cpu") == this_machine("cpu")
