"""A worker that does not start again as it should: it is tried again, and given up when it is its own fault."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dask_sessions import pids, run, until_up, worker_processes
from distributed import WorkerPlugin
from worker_tasks import add, wait_until

from arraymill.cluster.config import ClusterConfig
from arraymill.cluster.errors import ClusterLostError
from arraymill.cluster.session import open_cluster
from arraymill.cluster.session.dask import DaskSession
from arraymill.cluster.worker import nanny as worker_nanny
from arraymill.cluster.worker.nanny import WorkerNanny, nannies_of


class Broken(WorkerPlugin):  # type: ignore[misc]  # distributed has no types
    """Prepares a worker whose device has failed."""

    def setup(self, worker: Any) -> None:
        raise RuntimeError("the device has fallen off the bus")


@pytest.fixture
def session(tmp_path: Path) -> Iterator[DaskSession]:
    with open_cluster(ClusterConfig("local", workers=1, scratch=tmp_path)) as opened:
        assert isinstance(opened, DaskSession)
        yield opened


def nanny_of(session: DaskSession) -> WorkerNanny:
    (nanny,) = nannies_of(session.folder)
    return nanny


def test_a_worker_that_cannot_be_prepared_again_is_lost(session: DaskSession, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_nanny, "_MOST_FAILED_STARTS", 2)
    nanny_of(session).worker_kwargs["plugins"] = (Broken(),)
    assert session.replace(pids(session)[0])
    wait_until(lambda: session.n_workers == 0, "the loss of the worker")
    with pytest.raises(ClusterLostError, match="cpu0: the device has fallen off the bus"):
        session.submit(add, 1, 2, key="late")


def test_a_worker_that_fails_to_start_for_a_while_comes_back(
    session: DaskSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_nanny, "_MOST_FAILED_STARTS", 10**6)
    nanny = nanny_of(session)
    before = nanny.worker_kwargs["plugins"]
    nanny.worker_kwargs["plugins"] = (Broken(),)
    assert session.replace(pids(session)[0])
    wait_until(lambda: nanny.start_error is not None, "a failed start")
    nanny.worker_kwargs["plugins"] = before
    until_up(session)
    assert run(session, add, 1, 2) == 3


def test_a_start_that_hangs_is_ended_and_tried_again(session: DaskSession, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_nanny, "_MOST_FAILED_STARTS", 10**6)
    monkeypatch.setattr(worker_nanny, "_RESTART_S", 0.0)
    nanny = nanny_of(session)
    assert session.replace(pids(session)[0])
    wait_until(lambda: nanny._n_failed_starts > 1, "starts that were ended")
    monkeypatch.setattr(worker_nanny, "_RESTART_S", 3600.0)
    until_up(session)
    assert run(session, add, 1, 2) == 3


def test_a_restart_that_dask_asks_for_makes_one_new_process(session: DaskSession) -> None:
    nanny = nanny_of(session)
    (before,) = pids(session)
    session._cluster.sync(nanny.restart)
    wait_until(lambda: pids(session) != [before], "the new process")
    until_up(session)
    assert worker_processes() == set(pids(session))


def test_a_worker_that_is_sent_away_comes_back(session: DaskSession) -> None:
    scheduler = session._cluster.scheduler
    (before,) = pids(session)
    (address,) = scheduler.workers
    # as when its connection is lost: it is told to close, and would take its nanny with it
    session._cluster.sync(scheduler.remove_worker, address, stimulus_id="lost-connection")
    wait_until(lambda: pids(session) != [before], "the new process")
    assert run(session, add, 1, 2) == 3
