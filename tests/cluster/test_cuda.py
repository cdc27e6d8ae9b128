"""A real LocalCUDACluster, started without a GPU by dask-cuda's own test switch."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from dask_cuda import utils, worker_common
from dask_sessions import until_up
from worker_tasks import TIMEOUT_S, add, environment, wait_until

from arraymill.cluster import cuda
from arraymill.cluster.config import ClusterConfig
from arraymill.cluster.cuda import start_cuda
from arraymill.cluster.errors import ClusterStartError
from arraymill.cluster.session import open_cluster
from arraymill.cluster.session.dask import DaskSession
from arraymill.cluster.worker.process import Device

CONFIG = ClusterConfig("cuda")


def open_pretended(folder: Path, device: Device, gpus: Sequence[str] = ("0", "1")) -> DaskSession:
    scratch = folder / "arraymill"
    scratch.mkdir()
    return DaskSession("cuda", device, scratch, lambda: start_cuda(CONFIG, gpus, scratch, device=device))


@pytest.fixture(scope="module", autouse=True)
def no_device_specific() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DASK_CUDA_TEST_DISABLE_DEVICE_SPECIFIC", "1")
        patch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
        yield


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaskSession]:
    with open_pretended(tmp_path_factory.mktemp("cuda"), "cpu") as opened:
        yield opened


def test_each_worker_sees_its_own_gpu_first(session: DaskSession) -> None:
    found = session._client.run(environment).values()
    assert sorted(each["CUDA_VISIBLE_DEVICES"] for each in found) == ["0,1", "1,0"]
    assert {each["CUDA_DEVICE_ORDER"] for each in found} == {"PCI_BUS_ID"}


def test_workers_are_named_after_their_gpu(session: DaskSession) -> None:
    assert [facts.name for facts in session.facts()] == ["gpu0", "gpu1"]
    by_pid = {facts.pid: facts.name for facts in session.facts()}
    visible = session._client.run(lambda: (os.getpid(), os.environ["CUDA_VISIBLE_DEVICES"]))
    assert {by_pid[pid]: order for pid, order in visible.values()} == {"gpu0": "0,1", "gpu1": "1,0"}


def test_no_limit_and_no_pool_is_set(session: DaskSession) -> None:
    def inspect(dask_worker: Any) -> tuple[Any, set[str], str]:
        limit = dask_worker.memory_manager.memory_limit
        return (
            limit,
            {type(plugin).__name__ for plugin in dask_worker.plugins.values()},
            type(dask_worker.data).__name__,
        )

    for limit, plugins, store in session._client.run(inspect).values():
        assert (limit, store) == (None, "dict")
        assert "RMMSetup" not in plugins


def test_it_speaks_tls_on_the_loopback(session: DaskSession) -> None:
    cluster = session._cluster
    addresses = [cluster.scheduler_address, *(nanny.worker_address for nanny in cluster.workers.values())]
    assert {address.rsplit(":", 1)[0] for address in addresses} == {"tls://127.0.0.1"}


def test_tasks_run(session: DaskSession) -> None:
    future = session.submit(add, 1, 2, key="add")
    assert session.wait([future], TIMEOUT_S) == {future}
    assert future.result() == 3


def test_a_worker_that_is_started_again_has_its_own_gpu(session: DaskSession) -> None:
    before = {facts.name: facts.pid for facts in session.facts()}
    assert session.replace(before["gpu1"])
    wait_until(lambda: {facts.name: facts.pid for facts in session.facts()}["gpu1"] != before["gpu1"], "the new worker")
    until_up(session)
    by_pid = {facts.pid: facts.name for facts in session.facts()}
    visible = session._client.run(lambda: (os.getpid(), os.environ["CUDA_VISIBLE_DEVICES"]))
    assert {by_pid[pid]: order for pid, order in visible.values()} == {"gpu0": "0,1", "gpu1": "1,0"}


def test_nothing_of_dask_cuda_stays_in_our_environment(session: DaskSession) -> None:
    assert "RAPIDS_NO_INITIALIZE" not in os.environ
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "0,1"


def test_workers_without_a_working_gpu_are_a_failed_start(tmp_path: Path) -> None:
    with pytest.raises(ClusterStartError, match=r"finds no CUDA device \(CUDA_VISIBLE_DEVICES='[01],[01]'\)"):
        open_pretended(tmp_path, "cuda")
    assert list(tmp_path.iterdir()) == []


def test_it_starts_where_nvml_does_not_know_the_cores_near_a_gpu(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without dask-cuda's test switch: as on a GPU that is named by its UUID, in a virtual machine."""
    uuids = ["GPU-9baca7f5-0f2f-01ac-6b05-8da14d6e9005"]

    def refuse(device_index: object) -> object:
        raise ValueError("Not Supported")

    monkeypatch.delenv("DASK_CUDA_TEST_DISABLE_DEVICE_SPECIFIC")
    monkeypatch.setattr(worker_common, "has_device_memory_resource", lambda device_index: True)
    monkeypatch.setattr(utils, "get_gpu_handle", refuse)
    with open_pretended(tmp_path, "cpu", uuids) as opened:
        visible, cores = opened.submit(gpu_and_cores, key="cores"), os.sched_getaffinity(0)
        opened.wait([visible], TIMEOUT_S)
        assert visible.result() == (uuids[0], cores)
    assert worker_common.get_cpu_affinity is utils.get_cpu_affinity


@pytest.mark.parametrize(("near", "expected"), [([0], {0}), ([0, 4095], {0}), ([4095], None), ([], None)])
def test_a_worker_stays_on_cores_that_are_allowed(
    monkeypatch: pytest.MonkeyPatch, near: list[int], expected: set[int] | None
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1})
    monkeypatch.setattr(worker_common, "get_cpu_affinity", lambda device_index: near)
    with cuda._own_cores():
        assert set(worker_common.get_cpu_affinity("GPU-1")) == (expected or {0, 1})


def gpu_and_cores() -> tuple[str, set[int]]:
    return os.environ["CUDA_VISIBLE_DEVICES"], os.sched_getaffinity(0)


@pytest.mark.gpu
def test_every_real_gpu_has_a_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DASK_CUDA_TEST_DISABLE_DEVICE_SPECIFIC")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    with open_cluster("cuda") as opened:
        facts = opened.facts()
        assert len({each.device_uuid for each in facts}) == opened.n_workers == len(facts)
