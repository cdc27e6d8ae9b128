from __future__ import annotations

import asyncio
import os
import signal
import ssl
import stat
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from distributed.comm import connect
from distributed.security import Security
from worker_tasks import TIMEOUT_S, add, alive, environment, fail, imported, kill_self, leave, own_pid, wait_until

from arraymill.cluster.config import ClusterConfig
from arraymill.cluster.errors import ClusterLostError, WorkerDiedError
from arraymill.cluster.session import open_cluster
from arraymill.cluster.session.dask import DaskSession

_before = dict(os.environ)


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaskSession]:
    scratch = tmp_path_factory.mktemp("scratch")
    _before.clear()
    _before.update(os.environ)
    with open_cluster(ClusterConfig("local", workers=2, scratch=scratch)) as opened:
        assert isinstance(opened, DaskSession)
        yield opened


def run(session: DaskSession, function: Any, *args: Any) -> Any:
    future = session.submit(function, *args, key=f"{function.__name__}-{os.urandom(4).hex()}")
    assert session.wait([future], TIMEOUT_S) == {future}
    error = future.exception()
    if error is not None:
        raise error
    return future.result()


def test_what_it_says_of_itself(session: DaskSession) -> None:
    assert (session.kind, session.device, session.n_workers) == ("local", "cpu", 2)
    assert [(facts.name, facts.device, facts.threads) for facts in session.facts()] == [
        ("cpu0", "cpu", 1),
        ("cpu1", "cpu", 1),
    ]
    assert all(facts.flags["blas_threads"] == "1" for facts in session.facts())


def test_tasks_run_on_both_workers(session: DaskSession) -> None:
    futures = [session.submit(own_pid, 0.5, key=f"pid-{i}") for i in range(4)]
    pending = set(futures)
    while pending:
        done = session.wait(pending, TIMEOUT_S)
        assert done
        pending -= done
    assert {future.result() for future in futures} == {facts.pid for facts in session.facts()}


def test_functions_travel_by_value(session: DaskSession) -> None:
    offset = 40
    assert run(session, lambda: offset + 2) == 42


def test_an_error_of_a_task_comes_back(session: DaskSession) -> None:
    with pytest.raises(ValueError, match="this block"):
        run(session, fail, "this block")


def test_a_wait_that_runs_out_is_empty(session: DaskSession) -> None:
    future = session.submit(own_pid, 0.5, key="slow")
    assert session.wait([future], 0.01) == set()
    assert session.wait([future], TIMEOUT_S) == {future}
    assert session.wait([], None) == set()


def test_everything_listens_on_the_loopback_only(session: DaskSession) -> None:
    pids = [os.getpid(), *(facts.pid for facts in session.facts())]
    connections = [c for pid in pids for c in psutil.Process(pid).net_connections("inet")]
    listening = {c.laddr.ip for c in connections if c.status == psutil.CONN_LISTEN}
    assert listening == {"127.0.0.1"}


def scheduler_port(session: DaskSession) -> int:
    return int(session._cluster.scheduler.port)


async def try_to_connect(address: str, **arguments: Any) -> None:
    comm = await connect(address, timeout=5, **arguments)
    await comm.close()


def test_a_plain_connection_is_refused(session: DaskSession) -> None:
    with pytest.raises(OSError, match=r"(?i)timed out|closed|handshake|connect"):
        asyncio.run(try_to_connect(f"tcp://127.0.0.1:{scheduler_port(session)}"))


def test_a_foreign_certificate_is_refused(session: DaskSession) -> None:
    stranger = Security.temporary().get_connection_args("client")
    with pytest.raises((OSError, ssl.SSLError)):
        asyncio.run(try_to_connect(f"tls://127.0.0.1:{scheduler_port(session)}", **stranger))


@pytest.mark.parametrize("route", ["status", "info/main/workers.html", "json/counts.json", "metrics"])
def test_the_dashboard_is_not_there(session: DaskSession, route: str) -> None:
    port = session._cluster.scheduler.http_server.port
    with pytest.raises(urllib.error.HTTPError, match="404") as refused:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/{route}")
    refused.value.close()


def test_nothing_leaks_into_our_environment(session: DaskSession) -> None:
    def without_pytest(variables: dict[str, str]) -> dict[str, str]:
        return {name: value for name, value in variables.items() if not name.startswith("PYTEST_")}

    assert without_pytest(dict(os.environ)) == without_pytest(_before)


def test_workers_have_their_settings_and_no_torch(session: DaskSession) -> None:
    found = run(session, environment)
    assert (found["OMP_NUM_THREADS"], found["OPENBLAS_NUM_THREADS"]) == ("1", "1")
    assert found["MALLOC_TRIM_THRESHOLD_"] == str(256 * 2**20)
    assert run(session, imported, "torch", "dask_cuda", "pandas", "click_repl", "pytest") == set()


def test_files_of_workers_are_private(session: DaskSession) -> None:
    def read_umask() -> int:
        mask = os.umask(0)
        os.umask(mask)
        return mask

    assert run(session, read_umask) == 0o077
    assert stat.S_IMODE(session._scratch.stat().st_mode) == 0o700


def test_workers_leave_ctrl_c_to_the_driver(session: DaskSession) -> None:
    pids = {facts.pid for facts in session.facts()}
    for pid in pids:
        os.kill(pid, signal.SIGINT)
    assert run(session, own_pid) in pids


def test_a_killed_worker_is_told_and_replaced(session: DaskSession, capfd: pytest.CaptureFixture[str]) -> None:
    before = {facts.name: facts.pid for facts in session.facts()}
    with pytest.raises(WorkerDiedError, match="was killed by SIGKILL") as died:
        run(session, kill_self)
    assert (died.value.pid, died.value.exitcode) == (before[died.value.worker], -signal.SIGKILL)
    assert getattr(died.value, "is_worker_death", False)
    assert run(session, add, 1, 2) == 3
    name = died.value.worker
    wait_until(lambda: {f.name: f.pid for f in session.facts()}[name] != before[name], "the new worker")
    assert capfd.readouterr().err == ""


def test_a_worker_that_leaves_is_told(session: DaskSession) -> None:
    with pytest.raises(WorkerDiedError, match="exited with status 3"):
        run(session, leave, 3)
    wait_until(lambda: len(session._client.scheduler_info()["workers"]) == 2, "both workers")


def test_a_restarted_worker_is_prepared_again(session: DaskSession) -> None:
    def own_facts() -> Any:
        from arraymill.cluster.preload import is_bound_to_parent
        from arraymill.cluster.worker.process import current_facts

        facts = current_facts()
        return facts and facts.name, is_bound_to_parent()

    found = session._client.run(own_facts)
    assert sorted(found.values()) == [("cpu0", True), ("cpu1", True)]


def test_a_task_that_waits_can_be_cancelled(session: DaskSession) -> None:
    running = [session.submit(own_pid, 1.0, key=f"busy-{i}") for i in range(4)]
    future = session.submit(own_pid, key="never")
    assert future.cancel()
    wait_until(future.done, "the cancelled task")
    assert not future.cancel()
    while running:
        running = [other for other in running if other not in session.wait(running, TIMEOUT_S)]


def test_closing_leaves_nothing(tmp_path: Path) -> None:
    opened = open_cluster(ClusterConfig("local", workers=1, scratch=tmp_path))
    pids = [facts.pid for facts in opened.facts()]
    with pytest.raises(ValueError, match="the job failed"), opened:
        fail("the job failed")
    assert alive(pids) == set()
    assert list(tmp_path.iterdir()) == []
    opened.close()
    with pytest.raises(ClusterLostError, match="gone"):
        opened.submit(add, 1, 2, key="late")
