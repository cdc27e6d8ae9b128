"""How a warm cluster starts and ends, well or not: nothing is left, and the next one can start."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from dask_sessions import begin, end_of, pids, run, until_up
from source_tree import SUPPORT
from worker_tasks import TIMEOUT_S, add, alive, hold_interpreter, own_pid, wait_until

from arraymill.cluster.config import ClusterConfig
from arraymill.cluster.errors import ClusterLostError, ClusterStartError, NoGpuError
from arraymill.cluster.session.client import ClientSession
from arraymill.cluster.session.futures import DaskFuture
from arraymill.cluster.warm.cluster import WarmCluster, attach, start_warm, stop_warm, warm_status
from arraymill.cluster.warm.lock import holder_of


@pytest.fixture
def home_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    # the tasks of the tests are functions of modules there
    monkeypatch.setenv("PYTHONPATH", str(SUPPORT))
    (tmp_path / "scratch").mkdir()
    file = tmp_path / "home" / "cluster.json"
    yield file
    stop_warm(file)


def start(home_file: Path, workers: int = 1) -> WarmCluster:
    return start_warm(ClusterConfig("local", workers=workers, scratch=home_file.parents[1] / "scratch"), home_file)


def scratch_of(home_file: Path) -> list[Path]:
    return list((home_file.parents[1] / "scratch").iterdir())


def family_of(cluster: WarmCluster) -> set[int]:
    return {cluster.pid, *(child.pid for child in psutil.Process(cluster.pid).children(recursive=True))}


@pytest.mark.parametrize("way", ["idle", "hold", "stopped"])
def test_a_stop_leaves_nothing(home_file: Path, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = start(home_file)
    family = family_of(cluster)
    assert set(cluster.worker_pids) < family
    if way == "stopped":
        # a server that hears no SIGTERM; the tests need not wait so long for it
        monkeypatch.setattr("arraymill.cluster.warm.process._STOP_S", 0.1)
        os.kill(cluster.pid, signal.SIGSTOP)
    if way == "hold":
        session = attach(home_file)
        begin(session, hold_interpreter, 600)
    stopped = stop_warm(home_file)
    assert stopped is not None
    assert stopped.pid == cluster.pid
    assert alive(family) == set()
    assert (home_file.exists(), warm_status(home_file), holder_of(home_file)) == (False, None, None)
    assert scratch_of(home_file) == []
    assert stop_warm(home_file) is None
    if way == "hold":
        session.close()


def test_a_killed_server_is_known_to_be_dead_and_can_be_followed(home_file: Path) -> None:
    cluster = start(home_file)
    family = family_of(cluster)
    with attach(home_file) as session:
        future = begin(session, own_pid, 600.0)
        os.kill(cluster.pid, signal.SIGKILL)
        # either the wait notices first, or the task is told
        with pytest.raises(ClusterLostError):
            raise_end_of(session, future)
        with pytest.raises(ClusterLostError):
            future.result()
    wait_until(lambda: not alive(family), "the end of the workers")
    assert home_file.exists()
    assert warm_status(home_file) is None
    again = start(home_file)
    assert again.pid != cluster.pid
    assert [Path(again.folder)] == scratch_of(home_file)
    with attach(home_file) as session:
        assert run(session, add, 1, 2) == 3


def raise_end_of(session: ClientSession, future: DaskFuture) -> None:
    error = end_of(session, future)
    if error is not None:
        raise error


def test_workers_that_die_come_back_without_a_session(home_file: Path) -> None:
    cluster = start(home_file, workers=2)
    for pid in cluster.worker_pids:
        os.kill(pid, signal.SIGKILL)
    with attach(home_file) as session:
        wait_until(lambda: not set(pids(session)) & set(cluster.worker_pids), "the new workers")
        until_up(session)
        assert session.n_workers == 2


def test_without_a_worker_it_ends(home_file: Path) -> None:
    cluster = start(home_file)
    with attach(home_file) as session:
        future = session.submit(add, 1, 2, key="sum")
        session.wait([future], TIMEOUT_S)
        assert session.retire("cpu0")
        with pytest.raises(ClusterLostError):
            session.submit(add, 1, 2, key="late")
    wait_until(lambda: holder_of(home_file) is None, "the end of the server")
    wait_until(lambda: not alive([cluster.pid, *cluster.worker_pids]), "the end of its processes")
    assert not home_file.exists()


def test_without_its_home_file_it_ends(home_file: Path) -> None:
    cluster = start(home_file)
    home_file.unlink()
    wait_until(lambda: not alive([cluster.pid, *cluster.worker_pids]), "the end of its processes")
    assert scratch_of(home_file) == []


def test_what_the_server_raised_comes_back(home_file: Path) -> None:
    with pytest.raises(NoGpuError, match="GPU") as refused:
        start_warm(ClusterConfig("cuda", gpus=("GPU-of-nobody",)), home_file)
    assert refused.value.exit_code == 9
    assert (warm_status(home_file), holder_of(home_file)) == (None, None)
    assert "GPU" in home_file.with_suffix(".log").read_text()


def test_a_server_that_dies_while_it_starts_is_told(home_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # a library that cannot be imported
    broken = home_file.parents[1] / "broken" / "arraymill"
    broken.mkdir(parents=True)
    (broken / "__init__.py").write_text("raise ImportError('libfoo.so is missing')\n")
    monkeypatch.setenv("PYTHONPATH", str(broken.parent))
    with pytest.raises(ClusterStartError, match=r"libfoo\.so is missing"):
        start(home_file)


def test_an_interrupt_while_it_starts_leaves_nothing(home_file: Path) -> None:
    code = """
import sys
from pathlib import Path
from arraymill.cluster.config import ClusterConfig
from arraymill.cluster.session.client import ClientSession
from arraymill.cluster.session.futures import DaskFuture
from arraymill.cluster.warm.cluster import start_warm
home, scratch = map(Path, sys.argv[1:])
start_warm(ClusterConfig("local", workers=2, scratch=scratch), home)
"""
    scratch = home_file.parents[1] / "scratch"
    starter = subprocess.Popen(
        [sys.executable, "-c", code, str(home_file), str(scratch)], stderr=subprocess.PIPE, text=True
    )
    try:
        wait_until(lambda: holder_of(home_file) is not None or starter.poll() is not None, "the server")
        starter.send_signal(signal.SIGINT)
        _, stderr = starter.communicate(timeout=TIMEOUT_S)
    finally:
        starter.kill()
        starter.communicate()
    assert stderr.rstrip().endswith("KeyboardInterrupt")
    wait_until(lambda: holder_of(home_file) is None, "the end of the server")
    assert not home_file.exists()
    assert list(scratch.iterdir()) == []


def test_two_starts_at_once_make_one_cluster(home_file: Path) -> None:
    code = """
import sys
from pathlib import Path
from arraymill.cluster.config import ClusterConfig
from arraymill.cluster.errors import ClusterBusyError
from arraymill.cluster.session.client import ClientSession
from arraymill.cluster.session.futures import DaskFuture
from arraymill.cluster.warm.cluster import start_warm
home, scratch = map(Path, sys.argv[1:])
try:
    print(start_warm(ClusterConfig("local", workers=1, scratch=scratch), home).pid)
except ClusterBusyError as error:
    print("busy", error.what)
"""
    arguments = [sys.executable, "-W", "error", "-c", code, str(home_file), str(home_file.parents[1] / "scratch")]
    starters = [subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = [starter.communicate(timeout=TIMEOUT_S)[0].split() for starter in starters]
    found = warm_status(home_file)
    assert found is not None
    started, refused = sorted(said, key=len)
    assert (started, refused[0], refused[-1]) == ([str(found.pid)], "busy", f"{found.pid})")
