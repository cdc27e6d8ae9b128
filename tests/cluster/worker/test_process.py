from __future__ import annotations

import os
import pickle
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import threadpoolctl
import torch

from arraymill.cluster.worker import process as worker
from arraymill.cluster.worker.precision import preserve_flags
from arraymill.cluster.worker.process import current_facts, prepare_process


@pytest.fixture(autouse=True)
def process_as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(worker, "_facts", None)
    threads = torch.get_num_threads()
    with preserve_flags(), threadpoolctl.threadpool_limits():
        yield
    torch.set_num_threads(threads)


def test_a_process_knows_what_it_is() -> None:
    assert current_facts() is None
    facts = prepare_process("cpu", "standard", name="cpu7")
    assert current_facts() is facts
    assert (facts.name, facts.pid, facts.device, facts.device_uuid) == ("cpu7", os.getpid(), "cpu", "")
    assert {"python", "numpy", "torch", "dask"} <= facts.versions.keys()
    assert pickle.loads(pickle.dumps(facts)) == facts


def test_threads_are_set_and_read_back() -> None:
    facts = prepare_process("cpu", "standard")
    # other libraries that the tests load have threads of their own
    pools = [pool for pool in threadpoolctl.threadpool_info() if pool["user_api"] == "blas"]
    assert {pool["num_threads"] for pool in pools} == {1}
    assert (facts.flags["blas_threads"], facts.flags["torch_threads"]) == ("1", "1")


def test_a_wrong_product_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def multiply_wrongly(_: str, a: Any) -> Any:
        product = a @ a.T
        product[3, 5] += 1
        return product

    monkeypatch.setattr(worker, "_multiply", multiply_wrongly)
    with pytest.raises(RuntimeError, match="wrong 64 x 64 product in float32"):
        prepare_process("cpu", "standard")
    assert current_facts() is None


def test_a_product_that_is_not_a_number_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "_multiply", lambda _, a: np.full_like(a, np.nan))
    with pytest.raises(RuntimeError, match="wrong"):
        prepare_process("cpu", "standard")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_cuda_without_a_gpu_is_refused() -> None:
    with pytest.raises(RuntimeError, match="finds no CUDA device"):
        prepare_process("cuda", "standard")


@pytest.mark.gpu
def test_the_gpu_multiplies_as_numpy_does() -> None:
    assert prepare_process("cuda", "fast").device_uuid.startswith("GPU-")
