"""The warm cluster while it runs: who can use it, and what is left of those who did."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from dask_sessions import begin, end_of, pids, run, until_up
from source_tree import SUPPORT
from worker_tasks import add, alive, own_pid, wait_until

from arraymill.cluster.config import ClusterConfig
from arraymill.cluster.errors import (
    ClusterBusyError,
    ClusterConfigError,
    ClusterError,
    ClusterLostError,
    WorkerDiedError,
)
from arraymill.cluster.warm.cluster import WarmCluster, attach, start_warm, stop_warm, warm_status
from arraymill.cluster.warm.home import read_home, write_home
from arraymill.cluster.warm.session import AttachedSession

CLIENT = SUPPORT / "warm_client.py"


@pytest.fixture(scope="module")
def home_file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("home")
    scratch = tmp_path_factory.mktemp("scratch")
    file = folder / "cluster.json"
    with pytest.MonkeyPatch.context() as patch:
        # the tasks of the tests are functions of modules here
        patch.setenv("PYTHONPATH", str(CLIENT.parent))
        start_warm(ClusterConfig("local", workers=2, scratch=scratch), file)
    try:
        yield file
    finally:
        stop_warm(file)


@pytest.fixture
def cluster(home_file: Path) -> WarmCluster:
    found = warm_status(home_file)
    assert found is not None
    return found


@pytest.fixture
def session(home_file: Path) -> Iterator[AttachedSession]:
    with attach(home_file) as attached:
        yield attached


def test_what_it_says_of_itself(cluster: WarmCluster) -> None:
    assert (cluster.kind, cluster.device, cluster.precision, cluster.threads) == ("local", "cpu", "standard", 1)
    assert (cluster.n_workers, cluster.device_names, cluster.dashboard_link) == (2, ("cpu",), "")
    assert cluster.address.startswith("tls://127.0.0.1:")
    assert alive([cluster.pid, *cluster.worker_pids]) == {cluster.pid, *cluster.worker_pids}
    assert os.getsid(cluster.pid) != os.getsid(0)


def test_its_keys_are_its_owner_s_alone(home_file: Path, cluster: WarmCluster) -> None:
    assert "PRIVATE KEY" in cluster.key
    assert "PRIVATE KEY" not in repr(cluster)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in home_file.parent.iterdir()}
    assert modes == {"cluster.json": 0o600, "cluster.json.lock": 0o600, "cluster.log": 0o600}
    assert cluster.key not in Path(cluster.log).read_text()


def test_a_second_one_is_refused(home_file: Path, cluster: WarmCluster) -> None:
    with pytest.raises(ClusterBusyError, match=f"runs already .pid {cluster.pid}.") as refused:
        start_warm(ClusterConfig("local", workers=1), home_file)
    assert refused.value.exit_code == 11
    assert warm_status(home_file) == cluster


def test_a_session_on_it_has_the_face_of_any(session: AttachedSession) -> None:
    assert (session.kind, session.device, session.precision, session.n_workers) == ("local", "cpu", "standard", 2)
    assert [facts.name for facts in session.facts()] == ["cpu0", "cpu1"]
    assert run(session, add, 1, 2) == 3
    assert run(session, own_pid) in pids(session)


def test_an_error_of_a_task_comes_back(session: AttachedSession) -> None:
    with pytest.raises(ZeroDivisionError):
        run(session, lambda: 1 / 0)


def test_a_dead_worker_is_told_and_replaced(session: AttachedSession) -> None:
    future = begin(session, own_pid, 600.0)
    before = pids(session)
    for pid in before:
        session.replace(pid)
    error = end_of(session, future)
    assert isinstance(error, WorkerDiedError)
    assert (error.pid in before, error.exitcode) == (True, -signal.SIGKILL)
    until_up(session)
    assert not set(pids(session)) & set(before)
    assert run(session, add, 1, 2) == 3


@pytest.mark.parametrize("pid", [os.getpid(), 2**22 + 1])
def test_another_process_is_left_alone(session: AttachedSession, pid: int) -> None:
    assert not session.replace(pid)


def test_its_server_is_no_worker(session: AttachedSession, cluster: WarmCluster) -> None:
    assert not session.replace(cluster.pid)
    assert alive([cluster.pid]) == {cluster.pid}


def test_status_follows_the_workers(session: AttachedSession, home_file: Path) -> None:
    until_up(session)
    (first, _) = pids(session)
    assert session.replace(first)

    def is_written() -> bool:
        found = warm_status(home_file)
        return found is not None and list(found.worker_pids) == pids(session) and first not in found.worker_pids

    wait_until(is_written, "the new pid in the home file")


def test_leaving_an_idle_cluster_changes_nothing(home_file: Path) -> None:
    with attach(home_file) as session:
        until_up(session)
        before = pids(session)
        assert run(session, add, 1, 2) == 3
    with pytest.raises(ClusterLostError):
        session.submit(add, 1, 2, key="late")
    session.close()
    with attach(home_file) as again:
        assert pids(again) == before


def test_tasks_of_a_session_that_was_closed_are_ended(home_file: Path) -> None:
    with attach(home_file) as session:
        until_up(session)
        running = set(pids(session))
        for _ in running:
            begin(session, own_pid, 600.0)
        session.submit(own_pid, 600.0, key="never-begun")
    wait_until(lambda: not alive(running), "the end of the busy workers")
    with attach(home_file) as again:
        until_up(again)
        assert run(again, add, 1, 2) == 3


@pytest.mark.parametrize("way", ["sleep", "hold"])
def test_a_killed_client_leaves_a_usable_cluster(home_file: Path, way: str) -> None:
    with attach(home_file) as session:
        until_up(session)
        busy = set(pids(session))
    client = subprocess.Popen(
        [sys.executable, "-W", "error", str(CLIENT), str(home_file), way], stdout=subprocess.PIPE, text=True
    )
    try:
        assert client.stdout is not None
        assert client.stdout.readline() == "busy\n"
    finally:
        client.kill()
        client.communicate()
    wait_until(lambda: not alive(busy), "the end of the busy workers")
    with attach(home_file) as session:
        until_up(session)
        assert run(session, add, 1, 2) == 3


def test_another_version_is_refused(home_file: Path, cluster: WarmCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    older = replace(cluster, versions=cluster.versions | {"arraymill": "0.0.1"})
    monkeypatch.setattr("arraymill.cluster.warm.cluster.read_home", lambda _: older)
    with pytest.raises(ClusterError, match=r"it has arraymill 0\.0\.1, this process") as refused:
        attach(home_file)
    assert "cluster stop" in refused.value.next


def test_a_home_file_of_an_unknown_kind_is_told(home_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("arraymill.cluster.warm.cluster.read_home", lambda _: None)
    with pytest.raises(ClusterError, match="starting or ending, or of another version"):
        attach(home_file)


def test_another_machine_s_is_refused(home_file: Path, cluster: WarmCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("arraymill.cluster.warm.cluster.read_home", lambda _: replace(cluster, host="elsewhere"))
    for use in (attach, stop_warm):
        with pytest.raises(ClusterError, match="runs on elsewhere"):
            use(home_file)
    assert alive([cluster.pid]) == {cluster.pid}


def test_where_none_runs_there_is_nothing_to_attach_to(tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match="no warm cluster runs") as refused:
        attach(tmp_path / "cluster.json")
    assert refused.value.exit_code == 9
    assert warm_status(tmp_path / "cluster.json") is None
    assert stop_warm(tmp_path / "cluster.json") is None
    assert list(tmp_path.iterdir()) == []


def test_inline_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ClusterConfigError, match="inline"):
        start_warm(ClusterConfig("inline"), tmp_path / "cluster.json")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"schema": 2}', '{"schema": 1, "pid": 1}', '{"schema": 1}'])
def test_a_home_file_that_is_none_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "cluster.json").write_text(text)
    assert read_home(tmp_path / "cluster.json") is None


def test_a_home_file_is_read_as_it_was_written(tmp_path: Path, cluster: WarmCluster) -> None:
    write_home(tmp_path / "cluster.json", cluster)
    write_home(tmp_path / "cluster.json", cluster)
    assert read_home(tmp_path / "cluster.json") == cluster
    assert [path.name for path in tmp_path.iterdir()] == ["cluster.json"]
