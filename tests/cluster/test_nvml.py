from __future__ import annotations

import sys

import pytest
from fake_nvml import FakeGpu, FakeNvml, NVMLError

from arraymill.cluster.nvml import NvmlUnavailable, list_gpus


def test_every_fact_of_a_gpu_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    FakeNvml([FakeGpu("GPU-a"), FakeGpu("GPU-b")]).install(monkeypatch)
    first, second = list_gpus()
    assert (first.index, first.uuid, first.name, first.compute_capability) == (0, "GPU-a", "Fake H100", (9, 0))
    assert (first.memory_total_bytes, first.memory_free_bytes) == (80, 60)
    assert (second.index, second.uuid) == (1, "GPU-b")


def test_old_bindings_give_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    FakeNvml([FakeGpu(b"GPU-a")]).install(monkeypatch)
    assert list_gpus()[0].uuid == "GPU-a"


def test_a_gpu_in_mig_mode_is_its_instances(monkeypatch: pytest.MonkeyPatch) -> None:
    FakeNvml([FakeGpu("GPU-a", mig=("MIG-1", None, "MIG-2")), FakeGpu("GPU-b")]).install(monkeypatch)
    found = list_gpus()
    assert [(gpu.index, gpu.uuid, gpu.is_mig) for gpu in found] == [
        (0, "MIG-1", True),
        (0, "MIG-2", True),
        (1, "GPU-b", False),
    ]


def test_memory_shared_with_the_host_is_said_as_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    FakeNvml([FakeGpu("GPU-a", has_memory=False)]).install(monkeypatch)
    assert list_gpus()[0].memory_total_bytes == 0


def test_without_a_driver_the_reason_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    FakeNvml(problem="Driver Not Loaded").install(monkeypatch)
    with pytest.raises(NvmlUnavailable, match=r"did not answer \(Driver Not Loaded\)"):
        list_gpus()


def test_without_the_bindings_the_reason_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)
    with pytest.raises(NvmlUnavailable, match="nvidia-ml-py is not installed"):
        list_gpus()


def test_nvml_stays_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nobody else has the GPU open, each opening takes seconds."""
    fake = FakeNvml([FakeGpu("GPU-a")])
    fake.install(monkeypatch)
    assert list_gpus() == list_gpus()
    assert fake.n_stops == 0


def test_a_driver_that_does_not_tell_the_mode_has_whole_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(gpu: FakeGpu) -> list[int]:
        raise NVMLError("Insufficient Permissions")

    fake = FakeNvml([FakeGpu("GPU-a")])
    fake.install(monkeypatch)
    monkeypatch.setattr(fake, "nvmlDeviceGetMigMode", refuse)
    assert [gpu.uuid for gpu in list_gpus()] == ["GPU-a"]


@pytest.mark.gpu
def test_the_real_driver_names_its_gpus() -> None:
    assert all(gpu.uuid.startswith(("GPU-", "MIG-")) for gpu in list_gpus())
