from __future__ import annotations

import os
from pathlib import Path

import pytest
from fake_nvml import FakeGpu, FakeNvml

from arraymill.cluster import devices
from arraymill.cluster.cgroups import Cgroups
from arraymill.cluster.errors import NoGpuError


@pytest.fixture(autouse=True)
def nothing_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


@pytest.fixture
def three_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    FakeNvml([FakeGpu("GPU-aa1"), FakeGpu("GPU-ab2"), FakeGpu("GPU-c3", mig=("MIG-1", "MIG-2"))]).install(monkeypatch)


def groups(folder: Path, **files: str) -> Cgroups:
    for name, text in files.items():
        (folder / name.replace("_", ".")).write_text(text)
    (folder / "membership").write_text("0::/\n")
    return Cgroups(folder, folder / "membership")


@pytest.mark.parametrize(
    ("quota", "expected"), [("50000 100000", 1), ("100000000 100000", len(os.sched_getaffinity(0)))]
)
def test_cpus_are_the_quota_or_the_affinity(tmp_path: Path, quota: str, expected: int) -> None:
    assert devices.cpu_count(groups(tmp_path, cpu_max=quota)) == expected


def test_memory_is_bounded_by_the_group(tmp_path: Path) -> None:
    limited = groups(tmp_path, memory_max="100000\n", memory_current="40000\n")
    assert devices.memory_total_bytes(limited) == 100000
    assert devices.memory_available_bytes(limited) == 60000


def uuids() -> list[str]:
    return [gpu.uuid for gpu in devices.gpus()]


@pytest.mark.usefixtures("three_gpus")
@pytest.mark.parametrize(
    ("setting", "visible"),
    [
        (None, ["GPU-aa1", "GPU-ab2", "MIG-1", "MIG-2"]),
        ("", []),
        ("-1", []),
        ("NoDevFiles", []),
        ("1,0", ["GPU-ab2", "GPU-aa1"]),
        ("0,7,1", ["GPU-aa1"]),
        ("0,0", ["GPU-aa1"]),
        ("GPU-ab2, MIG-2", ["GPU-ab2", "MIG-2"]),
        ("GPU-aa", ["GPU-aa1"]),
        ("GPU-a", []),
    ],
)
def test_cuda_visible_devices_is_read_as_cuda_reads_it(
    monkeypatch: pytest.MonkeyPatch, setting: str | None, visible: list[str]
) -> None:
    if setting is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", setting)
    assert uuids() == visible


@pytest.mark.usefixtures("three_gpus")
def test_gpus_are_selected_by_number_index_and_uuid() -> None:
    def selected(request: object) -> list[str]:
        return [gpu.uuid for gpu in devices.select_gpus(request)]  # type: ignore[arg-type]

    assert selected(None) == ["GPU-aa1", "GPU-ab2", "MIG-1", "MIG-2"]
    assert selected(2) == ["GPU-aa1", "GPU-ab2"]
    assert selected(["1", "MIG-2"]) == ["GPU-ab2", "MIG-2"]


@pytest.mark.usefixtures("three_gpus")
@pytest.mark.parametrize("request_", [5, ("3",), ("GPU-x",), ("2",)])
def test_a_gpu_that_is_not_there_is_refused_with_what_is(request_: object) -> None:
    with pytest.raises(NoGpuError, match="GPU-aa1") as refused:
        devices.select_gpus(request_)  # type: ignore[arg-type]
    assert refused.value.exit_code == 9


def test_no_driver_is_no_gpu_and_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    FakeNvml(problem="Driver Not Loaded").install(monkeypatch)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
    assert devices.gpus() == ()
    assert "Driver Not Loaded" in (devices.gpu_problem() or "")
    with pytest.raises(NoGpuError, match=r"Driver Not Loaded.*CUDA_VISIBLE_DEVICES='3'.*torch"):
        devices.select_gpus(1)


@pytest.mark.usefixtures("three_gpus")
def test_hidden_gpus_are_a_problem_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    assert devices.gpu_problem() is None
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert devices.gpu_problem() == "CUDA_VISIBLE_DEVICES='' hides all 4 GPUs of this machine"


def test_a_driver_without_gpus_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    FakeNvml().install(monkeypatch)
    assert devices.gpu_problem() == "the NVIDIA driver answers and reports no usable GPU"
