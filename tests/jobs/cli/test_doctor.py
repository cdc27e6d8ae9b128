import importlib
import json
import time
from dataclasses import replace
from pathlib import Path

import pytest

from arraymill.cluster.nvml import Gpu
from arraymill.jobs.api import calibration, measuring
from arraymill.jobs.cli import checks_folder, checks_gpu, checks_software
from arraymill.jobs.cli.checks import Check
from arraymill.jobs.cli.checks_folder import folder_check
from arraymill.jobs.cli.checks_speed import speed_checks
from arraymill.jobs.rates.calibration import Calibration

QUIET = Calibration(
    "cpu", time.time(), 1.1, 1.0, 2, "/scratch", read=9e9, writes={1: 2e9, 2: 3e9}, flops={"f4": 1e11, "f8": 5e10}
)
GPU = Gpu(0, "GPU-1234", "NVIDIA H200", 140_000_000_000, 139_000_000_000, (9, 0))


@pytest.fixture(autouse=True)
def measured(monkeypatch, tmp_path_factory):
    """Measure nothing, but what a test says, and keep it where no other test looks."""
    monkeypatch.setenv("ARRAYMILL_HOME", str(tmp_path_factory.mktemp("home")))
    told = [replace(QUIET, measured_s=time.time())]
    monkeypatch.setattr(measuring, "calibrate", lambda device, folder, *, n_cores: told[-1])
    return told


def speeds_in(text):
    lines = [line[6:].split("  ") for line in text.splitlines() if line[:6].strip()]
    return {name: said for name, *_, said in lines if name in ("products", "reading", "writing", "rates")}


def test_speeds_are_shown_and_kept(call, measured):
    found = speeds_in(call("doctor").stdout)
    assert found["products"].strip() == "float32 100 GFLOP/s, float64 50.0 GFLOP/s for each of 2 cores"
    assert found["writing"].strip() == "2.00 GB/s by one, 3.00 GB/s by 2; in /scratch"
    assert "measured now in 1.1 s; kept in" in found["rates"]
    assert calibration.known_calibration("cpu") == measured[0]


def test_what_was_measured_before_is_shown_without_measuring(call, measured):
    assert call("doctor").exit_code == 0
    measured.append(None)
    document = json.loads(call("doctor", "--no-measure", "--json").stdout)
    assert Calibration.from_json(document["calibrations"]["cpu"]) == measured[0]


def test_a_machine_that_was_never_measured_is_told_so(call, tmp_path, monkeypatch):
    monkeypatch.setenv("ARRAYMILL_HOME", str(tmp_path / "empty"))
    result = call("doctor", "--no-measure")
    assert "not measured yet" in speeds_in(result.stdout)["rates"]
    assert result.exit_code == 0
    assert not (tmp_path / "empty").exists()


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (replace(QUIET, share=0.5), "other programs took 50 % of the cores"),
        (replace(QUIET, problems=("files: no room",)), "without files: no room"),
    ],
)
def test_rates_that_should_be_measured_again_are_a_warning(call, measured, one, said):
    measured.append(one)
    result = call("doctor")
    assert said in speeds_in(result.stdout)["rates"]
    assert result.exit_code == 0


def test_a_gpu_has_its_link_shown():
    one = replace(QUIET, device="cuda", to_device=5e10, from_device=4e10, flops={"tf32": 4e14})
    checks = speed_checks({"cuda": (one, "/f")}, now_s=one.measured_s)
    assert [(check.name, check.status) for check in checks] == [
        ("GPU products", "ok"),
        ("link", "ok"),
        ("GPU rates", "ok"),
    ]
    assert (checks[0].found, checks[1].found) == ("TF32 400 TFLOP/s", "50.0 GB/s to the GPU, 40.0 GB/s from it")


def test_a_gpu_that_cannot_be_measured_is_a_warning():
    checks = speed_checks({"cuda": (None, "the driver is gone")}, now_s=0.0)
    assert [(check.name, check.status, check.found) for check in checks] == [
        ("GPU rates", "warn", "the driver is gone")
    ]


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
