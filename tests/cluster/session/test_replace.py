"""Workers that are killed on purpose, whatever they are doing: one takes their place, or none."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from dask_sessions import begin, end_of, pids, run, until_up
from worker_tasks import TIMEOUT_S, add, alive, hold_interpreter, kill_self, own_pid, wait_until

from arraymill.cluster.cgroups import Cgroups
from arraymill.cluster.config import ClusterConfig
from arraymill.cluster.errors import ClusterLostError, WorkerDiedError
from arraymill.cluster.session import open_cluster
from arraymill.cluster.session.dask import DaskSession
from arraymill.cluster.session.futures import DaskFuture
from arraymill.cluster.worker.deaths import OomCount
from arraymill.cluster.worker.nanny import nannies_of


@contextmanager
def opened(scratch: Path, workers: int) -> Iterator[DaskSession]:
    with open_cluster(ClusterConfig("local", workers=workers, scratch=scratch)) as session:
        assert isinstance(session, DaskSession)
        yield session


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaskSession]:
    with opened(tmp_path_factory.mktemp("scratch"), 1) as made:
        yield made


def test_a_worker_is_replaced_and_its_task_told(session: DaskSession) -> None:
    (pid,) = pids(session)
    future = begin(session, own_pid, 600.0)
    assert session.replace(pid)
    error = end_of(session, future)
    assert isinstance(error, WorkerDiedError)
    assert (error.worker, error.pid, error.exitcode, error.is_oom) == ("cpu0", pid, -signal.SIGKILL, False)
    assert run(session, own_pid) != pid
    assert session.n_workers == 1


def test_a_stopped_worker_is_replaced(session: DaskSession) -> None:
    until_up(session)
    (pid,) = pids(session)
    future = begin(session, own_pid, 600.0)
    os.kill(pid, signal.SIGSTOP)
    assert session.replace(pid)
    assert isinstance(end_of(session, future), WorkerDiedError)
    assert run(session, add, 1, 2) == 3


def test_a_worker_whose_task_holds_the_interpreter_is_replaced(session: DaskSession) -> None:
    until_up(session)
    (pid,) = pids(session)
    future = begin(session, hold_interpreter, 600)
    assert session.replace(pid)
    assert isinstance(end_of(session, future), WorkerDiedError)
    assert run(session, add, 1, 2) == 3


def test_a_worker_that_is_just_starting_is_replaced(session: DaskSession) -> None:
    until_up(session)
    (pid,) = pids(session)
    (nanny,) = nannies_of(Path(session.folder))
    assert session.replace(pid)
    wait_until(lambda: nanny.pid not in (None, pid), "the next process")
    starting = nanny.pid
    assert starting is not None
    session.replace(starting)
    wait_until(lambda: starting in nanny.deaths, "the end of the next process")
    until_up(session)
    assert run(session, own_pid) not in (pid, starting)


@pytest.mark.parametrize("pid", [os.getpid(), os.getppid(), 2**22 + 1])
def test_another_process_is_left_alone(session: DaskSession, pid: int) -> None:
    before = alive([pid])
    assert not session.replace(pid)
    assert alive([pid]) == before


def test_a_death_for_lack_of_memory_is_told_apart(session: DaskSession, tmp_path: Path) -> None:
    until_up(session)
    (tmp_path / "membership").write_text("0::/\n")
    (tmp_path / "memory.events").write_text("oom_kill 4\n")
    (nanny,) = nannies_of(Path(session.folder))
    nanny._ooms = OomCount(Cgroups(tmp_path, tmp_path / "membership"), memory_s=3600.0)
    (tmp_path / "memory.events").write_text("oom_kill 5\n")
    killed = end_of(session, session.submit(kill_self, key="out-of-memory"))
    assert isinstance(killed, WorkerDiedError)
    assert killed.is_oom
    assert f"was killed by the kernel's out-of-memory killer (cgroup {tmp_path})" in str(killed)
    until_up(session)
    (tmp_path / "memory.events").write_text("oom_kill 6\n")
    future = begin(session, own_pid, 600.0)
    assert session.replace(pids(session)[0])
    replaced = end_of(session, future)
    assert isinstance(replaced, WorkerDiedError)
    assert not replaced.is_oom


def test_a_retired_worker_does_not_come_back(tmp_path: Path) -> None:
    with opened(tmp_path, 2) as session:
        first, second = pids(session)
        assert session.retire("cpu0")
        assert not session.retire("cpu0")
        assert not session.retire("nobody")
        wait_until(lambda: not alive([first]), "the end of the retired worker")
        wait_until(lambda: len(session._cluster.scheduler.workers) == 1, "the scheduler's notice")
        assert (session.n_workers, pids(session)) == (1, [second])
        assert {run(session, own_pid) for _ in range(3)} == {second}


def wait_for_all(session: DaskSession, futures: set[DaskFuture]) -> None:
    pending = set(futures)
    while pending:
        done = session.wait(pending, TIMEOUT_S)
        assert done
        pending -= done


def test_when_every_worker_is_retired_the_cluster_is_lost(tmp_path: Path) -> None:
    with opened(tmp_path, 2) as session:
        futures = {begin(session, own_pid, 600.0), *(session.submit(own_pid, 600.0, key=f"{i}") for i in range(8))}
        for name in ("cpu0", "cpu1"):
            assert session.retire(name)
        with pytest.raises(ClusterLostError, match="no worker is left"):
            wait_for_all(session, futures)
        assert session.n_workers == 0
        with pytest.raises(ClusterLostError, match="no worker is left"):
            session.submit(add, 1, 2, key="late")
    assert list(tmp_path.iterdir()) == []


def test_a_retired_worker_that_is_just_starting_again_is_ended(tmp_path: Path) -> None:
    with opened(tmp_path, 2) as session:
        first, _ = pids(session)
        nanny = next(each for each in nannies_of(Path(session.folder)) if each.worker_name == "cpu0")
        assert session.replace(first)
        wait_until(lambda: first in nanny.deaths, "the end of the first process")
        assert session.retire("cpu0")
        wait_until(lambda: nanny.pid is None, "the end of the next process")
        assert session.n_workers == 1


def test_a_result_outlives_its_worker(session: DaskSession) -> None:
    until_up(session)
    (pid,) = pids(session)
    future = session.submit(own_pid, key="outlives")
    assert session.wait([future], TIMEOUT_S) == {future}
    # a task whose result is here is forgotten: the death of its worker is no reason to run it again
    assert "outlives" not in session._cluster.scheduler.tasks
    assert session.replace(pid)
    until_up(session)
    assert future.result() == pid


def test_a_result_that_a_hanging_worker_keeps_is_not_waited_for(
    session: DaskSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is under way until the worker is replaced; then Dask runs the task again."""
    until_up(session)
    (pid,) = pids(session)
    gather, stopped = session._client._gather, []

    async def stop_and_gather(*args: Any, **kwargs: Any) -> Any:
        if not stopped:
            os.kill(pid, signal.SIGSTOP)
            stopped.append(pid)
        return await gather(*args, **kwargs)

    monkeypatch.setattr(session._client, "_gather", stop_and_gather)
    future = session.submit(own_pid, key="kept")
    wait_until(lambda: bool(stopped), "the worker to stop")
    assert session.wait([future], 0.5) == set()
    assert session.replace(pid)
    assert end_of(session, future) is None
    assert future.result() != pid


def test_a_worker_that_the_scheduler_has_given_up_is_ended(session: DaskSession) -> None:
    until_up(session)
    (pid,) = pids(session)
    future = begin(session, own_pid, 600.0)
    scheduler = session._cluster.scheduler
    os.kill(pid, signal.SIGSTOP)
    (address,) = scheduler.workers
    session._cluster.sync(scheduler.remove_worker, address, stimulus_id="lost-connection", close=False)
    error = end_of(session, future)
    assert isinstance(error, WorkerDiedError)
    assert (error.pid, error.exitcode) == (pid, -signal.SIGKILL)
    assert run(session, own_pid) != pid


def test_what_tasks_share_reaches_a_worker_that_takes_another_ones_place(session: DaskSession) -> None:
    until_up(session)
    shared = session.share(add, 1)
    assert run(session, shared, 2) == 3
    (pid,) = pids(session)
    lost = begin(session, own_pid, 600.0)
    assert session.replace(pid)
    # until then a task may still be given to the one that is gone
    assert isinstance(end_of(session, lost), WorkerDiedError)
    future = session.submit_batch(shared, [(3,), ("x",), (4,)], key="after-the-death")
    assert session.wait([future], TIMEOUT_S) == {future}
    (first, _), (nothing, error), (last, _) = future.result()
    assert (first, nothing, last) == (4, None, 5)
    assert isinstance(error, TypeError)
    shared.forget()
