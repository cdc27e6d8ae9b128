import importlib
import json
from pathlib import Path

import pytest

from arraymill.cluster.nvml import Gpu
from arraymill.jobs.cli import checks_folder, checks_gpu, checks_software
from arraymill.jobs.cli.checks import Check
from arraymill.jobs.cli.checks_folder import folder_check

GPU = Gpu(0, "GPU-1234", "NVIDIA H200", 140_000_000_000, 139_000_000_000, (9, 0))


def test_this_machine_can_run_jobs(call):
    result = call("doctor")
    assert result.exit_code == 0, result.output
    names = [line[6:].split("  ")[0] for line in result.stdout.splitlines() if not line.startswith(" ")]
    assert {"Python", "torch", "packages", "TLS", "CPU cores", "memory", "this folder"} <= set(names)


def test_json(call):
    document = json.loads(call("doctor", "--json").stdout)
    assert (document["schema"], document["usable"]) == (1, True)
    assert {check["status"] for check in document["checks"]} <= {"ok", "warn"}


def test_nothing_is_left_in_the_folder(call, tmp_path):
    before = sorted(tmp_path.iterdir())
    call("doctor")
    assert sorted(tmp_path.iterdir()) == before


def test_missing_package_leaves_with_9(call, monkeypatch):
    monkeypatch.setattr(checks_software, "_required", lambda: ["numpy", "no-such-thing"])
    result = call("doctor")
    assert result.exit_code == 9
    assert "-> pip install no-such-thing" in result.stdout


def test_warnings_leave_with_0(call, monkeypatch):
    module = importlib.import_module("arraymill.jobs.cli.doctor")
    monkeypatch.setattr(module, "find_all", lambda folder: [Check("x", "warn", "y", "z")])
    result = call("doctor")
    assert result.exit_code == 0
    assert "1 thing could be better" in result.stderr


@pytest.fixture
def machine_with(monkeypatch):
    def pretend(gpu, cuda):
        monkeypatch.setattr(checks_gpu, "gpus", lambda: (gpu,))
        monkeypatch.setattr(checks_gpu, "gpu_problem", lambda: None)
        monkeypatch.setattr(checks_gpu, "torch_cuda_version", lambda: cuda)
        return checks_gpu.gpu_checks()

    return pretend


def test_gpu_is_named_by_uuid(machine_with):
    driver, gpu = machine_with(GPU, "13.0")
    assert (driver.name, gpu.status) == ("driver", "ok")
    assert "GPU-1234" in gpu.found


def test_gpu_without_a_cuda_torch_is_a_warning(machine_with):
    assert machine_with(GPU, None)[1].status == "warn"


def test_busy_gpu_is_a_warning(machine_with):
    busy = Gpu(0, "GPU-1", "NVIDIA H200", 140_000_000_000, 1_000_000_000, (9, 0))
    assert "another program" in machine_with(busy, "13.0")[1].advice


def test_hidden_gpu_is_a_warning(monkeypatch):
    monkeypatch.setattr(checks_gpu, "driver_version", lambda: "580.95.05")
    monkeypatch.setattr(checks_gpu, "gpu_problem", lambda: "CUDA_VISIBLE_DEVICES='' hides all 1 GPUs")
    assert [check.status for check in checks_gpu.gpu_checks()] == ["ok", "warn"]


@pytest.mark.parametrize(
    "text",
    [
        "NVRM version: NVIDIA UNIX x86_64 Kernel Module  580.95.05  Tue Sep 23 10:11:16 UTC 2025\nGCC 13.3.0\n",
        "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.95.05  Release Build  (root)\n",
    ],
)
def test_driver_version_is_read(tmp_path, text):
    path = tmp_path / "version"
    path.write_text(text, encoding="utf-8")
    assert checks_gpu.driver_version(path) == "580.95.05"
    assert checks_gpu.driver_version(tmp_path / "nothing") is None


@pytest.mark.parametrize("test", ["_renames", "_locks", "_reserves"])
def test_folder_that_cannot_do_something_is_a_warning(tmp_path, monkeypatch, test):
    said = {function.__name__: text for function, text in checks_folder._TESTS}[test]
    tests = [((lambda path: False) if f.__name__ == test else f, text) for f, text in checks_folder._TESTS]
    monkeypatch.setattr(checks_folder, "_TESTS", tests)
    check = folder_check("this folder", tmp_path)
    assert check.status == "warn"
    assert said in check.found


def test_folder_that_is_not_there_is_a_warning():
    check = folder_check("this folder", Path("/no/such/folder"))
    assert check.status == "warn"
    assert "No such file" in check.found
