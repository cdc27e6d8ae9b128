from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import threadpoolctl
import torch
from fake_nvml import FakeNvml
from worker_tasks import TIMEOUT_S, add, fail, make_tensor

from arraymill.cluster.config import ClusterConfig
from arraymill.cluster.errors import ClusterError, ClusterLostError, NoGpuError
from arraymill.cluster.inline import InlineSession
from arraymill.cluster.worker.precision import read_flags


@pytest.fixture
def session() -> Iterator[InlineSession]:
    with InlineSession(ClusterConfig("inline", workers=2)) as opened:
        yield opened


def blas_threads() -> set[int]:
    return {pool["num_threads"] for pool in threadpoolctl.threadpool_info() if pool["user_api"] == "blas"}


def test_what_it_says_of_itself(session: InlineSession) -> None:
    assert (session.kind, session.device, session.n_workers) == ("inline", "cpu", 2)
    assert [facts.name for facts in session.facts()] == ["cpu0"]


def test_tasks_run_side_by_side(session: InlineSession) -> None:
    barrier = threading.Barrier(2, timeout=TIMEOUT_S)
    futures = [session.submit(barrier.wait, key=f"t{i}") for i in range(2)]
    assert sorted(future.result() for future in futures) == [0, 1]


def test_the_first_that_is_done_ends_the_wait(session: InlineSession) -> None:
    release = threading.Event()
    slow, quick = session.submit(release.wait, key="slow"), session.submit(add, 1, 2, key="quick")
    assert session.wait([slow, quick], TIMEOUT_S) == {quick}
    assert session.wait([slow], 0.01) == set()
    release.set()
    assert session.wait([slow], TIMEOUT_S) == {slow}


def test_an_error_of_a_task_is_its_exception(session: InlineSession) -> None:
    future = session.submit(fail, "this block", key="t")
    session.wait([future], TIMEOUT_S)
    assert isinstance(future.exception(), ValueError)


def test_tensors_are_refused_as_on_a_cluster(session: InlineSession) -> None:
    with pytest.raises(TypeError, match="an argument"):
        session.submit(add, torch.zeros(1), 2, key="in")
    with pytest.raises(TypeError, match="the result"):
        session.submit(make_tensor, key="out").result()


def test_blas_has_one_thread_while_it_is_open_and_what_it_had_before_afterwards() -> None:
    with threadpoolctl.threadpool_limits(2):
        with InlineSession(ClusterConfig("inline", workers=1)) as session:
            assert session.submit(blas_threads, key="t").result() == {1}
        assert 2 in blas_threads()


def test_torch_is_as_it_was_before() -> None:
    before = (torch.get_num_threads(), read_flags())
    with InlineSession(ClusterConfig("inline", workers=1, precision="fast")) as session:
        assert session.submit(torch.get_num_threads, key="t").result() == 1
        assert read_flags()["cuda.matmul.fp32_precision"] == "tf32"
    assert (torch.get_num_threads(), read_flags()) == before


def test_a_closed_session_takes_nothing() -> None:
    session = InlineSession(ClusterConfig("inline", workers=1))
    session.close()
    session.close()
    with pytest.raises(ClusterLostError, match="closed"):
        session.submit(add, 1, 2, key="late")


def test_a_gpu_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    FakeNvml(problem="Driver Not Loaded").install(monkeypatch)
    before = blas_threads()
    with pytest.raises(NoGpuError, match="Driver Not Loaded"):
        InlineSession(ClusterConfig("inline", gpus=1))
    assert blas_threads() == before


@pytest.mark.gpu
def test_the_gpu_is_used_where_it_was_asked_for() -> None:
    with InlineSession(ClusterConfig("inline", gpus=1)) as session:
        assert (session.device, session.n_workers, session.facts()[0].name) == ("cuda", 1, "gpu0")
        assert session.facts()[0].flags["cuda.matmul.fp32_precision"] == "ieee"


def test_threads_cannot_be_killed(session: InlineSession) -> None:
    with pytest.raises(ClusterError, match="process 42 cannot be killed"):
        session.replace(42)
    with pytest.raises(ClusterError, match="worker cpu0 cannot be killed"):
        session.retire("cpu0")


def test_a_session_that_is_abandoned_is_closed_while_a_task_runs() -> None:
    begun, may_end = threading.Event(), threading.Event()

    def run_on() -> bool:
        begun.set()
        return may_end.wait(120)

    with InlineSession(ClusterConfig("inline", workers=1)) as session:
        running, waiting = (session.submit(run_on, key=name) for name in ("running", "waiting"))
        assert begun.wait(120)
        session.abandon()
    assert not running.done()
    assert waiting.cancelled()
    may_end.set()
    assert running.result(120)
