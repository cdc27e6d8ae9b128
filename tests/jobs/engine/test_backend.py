"""Facts of backends: what is shared, and what torch cannot look at is copied."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from arraymill.jobs.engine.backend import NumpyBackend, open_backend
from arraymill.jobs.engine.torch_backend import FakeBackend, TorchBackend


def test_each_kind_has_its_backend() -> None:
    assert open_backend("numpy") == NumpyBackend()
    assert open_backend("torch-cpu") == TorchBackend("cpu")
    # inside a worker the GPU is the first of its own list; nothing is touched by naming it
    assert open_backend("torch-cuda") == TorchBackend("cuda:0")
    assert open_backend("fake") == FakeBackend("cpu")


def test_numpy_passes_arrays_through() -> None:
    backend, x = open_backend("numpy"), np.arange(3)
    assert backend.xp is np
    assert backend.load(x) is x
    assert backend.store(x) is x
    backend.synchronize()


def test_torch_on_the_cpu_shares_memory_both_ways() -> None:
    backend, x = open_backend("torch-cpu"), np.arange(3.0)
    tensor = backend.load(x)
    assert isinstance(tensor, torch.Tensor)
    assert np.may_share_memory(backend.store(tensor), x)
    backend.synchronize()


@pytest.mark.parametrize("x", [np.arange(4)[::-1], np.arange(4).reshape(2, 2)[:, ::-1], np.arange(4, dtype=">i4")])
def test_what_torch_cannot_look_at_is_copied(x: np.ndarray) -> None:
    backend = open_backend("torch-cpu")
    assert backend.store(backend.load(x)).tolist() == x.tolist()


def test_a_read_only_array_is_looked_at_without_a_warning() -> None:
    x = np.arange(3.0)
    x.flags.writeable = False
    backend = open_backend("torch-cpu")
    assert np.may_share_memory(backend.store(backend.load(x)), x)
