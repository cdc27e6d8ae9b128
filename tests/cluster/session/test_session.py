from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from fake_nvml import FakeGpu, FakeNvml

from arraymill.cluster.config import ClusterConfig
from arraymill.cluster.errors import ClusterConfigError, NoGpuError
from arraymill.cluster.session import open_cluster
from arraymill.cluster.session import session as session_module


@pytest.fixture
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    FakeNvml(problem="Driver Not Loaded").install(monkeypatch)


def chosen(monkeypatch: pytest.MonkeyPatch, config: ClusterConfig) -> str:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    opened = []
    monkeypatch.setattr(session_module, "_open_local", lambda config: opened.append("local"))
    monkeypatch.setattr(session_module, "_open_cuda", lambda config: opened.append("cuda"))
    open_cluster(config)
    return opened[0]


@pytest.mark.usefixtures("no_gpu")
def test_auto_without_a_gpu_is_local(monkeypatch: pytest.MonkeyPatch) -> None:
    assert chosen(monkeypatch, ClusterConfig()) == "local"


def test_auto_with_a_gpu_is_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    FakeNvml([FakeGpu("GPU-a")]).install(monkeypatch)
    assert chosen(monkeypatch, ClusterConfig()) == "cuda"


@pytest.mark.usefixtures("no_gpu")
@pytest.mark.parametrize("config", [ClusterConfig("cuda"), ClusterConfig("auto", gpus=1)])
def test_cuda_is_never_replaced_in_silence(config: ClusterConfig) -> None:
    with pytest.raises(NoGpuError, match=r"Driver Not Loaded") as refused:
        open_cluster(config)
    assert refused.value.exit_code == 9
    assert "CUDA_VISIBLE_DEVICES" in refused.value.cause
    assert "torch" in refused.value.cause


def test_a_kind_that_is_not_there_is_refused() -> None:
    with pytest.raises(ClusterConfigError, match="slurm"):
        open_cluster("slurm")  # type: ignore[arg-type]


def test_a_scratch_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ClusterConfigError, match="absent"):
        open_cluster(ClusterConfig("local", scratch=tmp_path / "absent"))


def test_inline_imports_neither_dask_nor_torch() -> None:
    code = """
import sys
from arraymill.cluster import ClusterConfig, open_cluster
with open_cluster(ClusterConfig("inline", workers=1)) as session:
    assert session.submit(max, 2, 3, key="max").result() == 3
print(*sorted({"dask", "distributed", "torch", "dask_cuda"} & set(sys.modules)))
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert (ran.stdout.strip(), ran.stderr) == ("", "")
