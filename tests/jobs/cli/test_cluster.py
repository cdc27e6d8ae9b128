import json

import pytest

from arraymill.cluster import devices
from arraymill.cluster.nvml import Gpu
from arraymill.cluster.warm import cluster as warm
from arraymill.cluster.warm.cluster import WarmCluster
from arraymill.jobs.cli.cluster import cluster_text

pytestmark = pytest.mark.usefixtures("home")

WARM = WarmCluster(
    pid=77,
    host="here",
    address="tls://127.0.0.1:4711",
    kind="local",
    device="cpu",
    precision="standard",
    threads=1,
    n_workers=2,
    worker_pids=(78, 79),
    device_names=("cpu",),
    started_s=100.0,
    dashboard_link="",
    log="/home/ada/cluster.log",
    folder="/tmp/x",
    versions={},
    certificate="CERTIFICATE",
    key="SECRET",
)


def test_what_runs_is_said():
    assert cluster_text(WARM, 160.0).splitlines() == [
        "warm cluster, local",
        "  workers    2 workers on cpu",
        "  precision  standard",
        "  up for     1 min, server process 77",
        "  address    tls://127.0.0.1:4711",
        "  log        /home/ada/cluster.log",
        "  next       jobs that fit it use it; arraymill cluster stop ends it",
    ]


def test_nothing_runs(call):
    result = call("cluster", "status")
    assert (result.exit_code, result.stdout) == (9, "")
    assert json.loads(call("cluster", "status", "--json").stdout) == {"schema": 1, "cluster": None}


def test_keys_are_not_printed(call, monkeypatch):
    monkeypatch.setattr(warm, "warm_status", lambda home_file: WARM)
    result = call("cluster", "status", "--json")
    assert json.loads(result.stdout)["cluster"]["pid"] == 77
    assert "SECRET" not in result.output
    assert "CERTIFICATE" not in result.output


def test_options_reach_the_cluster(call, monkeypatch, home):
    asked = []

    def start(config, home_file):
        asked.append((config, home_file))
        return WARM

    monkeypatch.setattr(warm, "start_warm", start)
    result = call("cluster", "start", "--kind", "local", "--workers", "2", "--precision", "fast")
    assert result.exit_code == 0, result.output
    ((config, home_file),) = asked
    assert (config.kind, config.workers, config.precision) == ("local", 2, "fast")
    assert home_file == home / "cluster.json"
    assert home.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(("text", "gpus"), [("2", 2), ("GPU-1,GPU-2", ("GPU-1", "GPU-2")), ("GPU-1", ("GPU-1",))])
def test_gpus_are_counted_or_named(call, monkeypatch, text, gpus):
    asked = []
    monkeypatch.setattr(warm, "start_warm", lambda config, home_file: asked.append(config) or WARM)
    assert call("cluster", "start", "--gpus", text).exit_code == 0
    assert asked[0].gpus == gpus


def test_stopping_nothing_is_no_error(call):
    result = call("cluster", "stop")
    assert result.exit_code == 0
    assert "no warm cluster ran" in result.stderr


def test_gpus_are_listed_by_uuid(call, monkeypatch):
    gpu = Gpu(0, "GPU-1234", "NVIDIA H200", 140_000_000_000, 139_000_000_000, (9, 0))
    monkeypatch.setattr(devices, "gpus", lambda: (gpu,))
    assert call("cluster", "gpus").stdout == "0  GPU-1234  NVIDIA H200  139 GB free of 140 GB\n"
    assert json.loads(call("cluster", "gpus", "--json").stdout)["gpus"][0]["uuid"] == "GPU-1234"


def test_no_gpu_is_said_with_the_reason(call, monkeypatch):
    monkeypatch.setattr(devices, "gpus", lambda: ())
    monkeypatch.setattr(devices, "gpu_problem", lambda: "no driver")
    result = call("cluster", "gpus")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "no driver" in result.stderr


def test_help_has_examples_first(call):
    text = call("cluster", "--help").stdout
    assert text.index("Examples:") < text.index("Usage:") < text.index("Commands:")
