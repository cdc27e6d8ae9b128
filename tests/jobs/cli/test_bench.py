import importlib
import json
import subprocess
import sys

import pytest

from arraymill.jobs.bench import Bout, Score, works_of

bench_module = importlib.import_module("arraymill.jobs.cli.bench")


@pytest.fixture
def fake_bout(monkeypatch):
    """Scores without processes; returns what the command asked for."""
    asked = {}

    def pretend(works, folder, *, names, rounds, say):
        asked.update(works=works, folder=folder, names=names, rounds=rounds)
        seconds = {"numpy": (2.0, 2.1, 2.2), "torch-cpu": (1.5, 1.5, 1.6), "arraymill-cpu": (1.0, 1.0, 1.1)}
        return [Bout(work, tuple(Score(name, seconds.get(name, (0.5,))) for name in names)) for work in works]

    monkeypatch.setattr(bench_module, "run_bout", pretend)
    return asked


def test_a_table_per_work_and_a_recommendation(call, fake_bout):
    result = call("bench", "--quick")
    assert result.exit_code == 0, result.output
    assert [line.split(":")[0] for line in result.stdout.splitlines() if line and line[0] != " "][:3] == [
        "reduction",
        "product",
        "chain",
    ]
    assert "arraymill-cpu, 1.5 times as fast as torch-cpu" in result.stdout.splitlines()[-1]


def test_json_has_every_turn(call, fake_bout):
    document = json.loads(call("bench", "--quick", "--json").stdout)
    assert (document["schema"], document["gpu"], document["quick"]) == (1, None, True)
    assert [work["work"] for work in document["works"]] == ["reduction", "product", "chain"]
    assert document["works"][0]["scores"][0]["seconds"] == {
        "median": 2.1,
        "min": 2.0,
        "max": 2.2,
        "all": [2.0, 2.1, 2.2],
    }
    assert document["recommendation"].startswith("For files in the page cache, without a GPU")


def test_a_gpu_brings_its_contestants(call, fake_bout, monkeypatch):
    devices = importlib.import_module("arraymill.cluster.devices")
    gpu = type("Gpu", (), {"name": "NVIDIA H200"})
    monkeypatch.setattr(devices, "gpus", lambda: (gpu,))
    document = json.loads(call("bench", "--quick", "--json").stdout)
    assert document["gpu"] == "NVIDIA H200"
    names = [score["contestant"] for score in document["works"][0]["scores"]]
    assert names[3:] == ["torch-gpu", "torch-gpu-resident", "arraymill-gpu"]
    assert document["works"][0]["scores"][4]["file_to_file"] is False


def test_size_and_rounds_are_passed_on(call, fake_bout, tmp_path):
    call("bench", "--size", "4MB", "--rounds", "5", "--folder", str(tmp_path))
    assert fake_bout["rounds"] == 5
    assert fake_bout["works"] == works_of(4_000_000)
    assert fake_bout["folder"].parent == tmp_path
    assert list(tmp_path.iterdir()) == [tmp_path / "x.npy"]


@pytest.mark.parametrize("size", ["many", "10%", "1kB"])
def test_a_size_that_is_none_is_wrong_use(call, fake_bout, size):
    result = call("bench", "--size", size)
    assert result.exit_code == 2
    assert "--size" in result.stderr


def test_too_little_room_leaves_with_6(call, fake_bout):
    result = call("bench", "--size", "900TB")
    assert result.exit_code == 6
    assert "--folder" in result.stderr


def test_a_failure_of_arraymill_leaves_with_8_after_the_table(call, monkeypatch):
    scores = (Score("numpy", (1.0,)), Score("arraymill-cpu", (), "its result differs from the others'"))
    monkeypatch.setattr(bench_module, "run_bout", lambda works, *_, **__: [Bout(works[0], scores)])
    result = call("bench", "--quick")
    assert result.exit_code == 8
    assert "out: its result differs" in result.stdout
    assert "reduction, arraymill-cpu" in result.stderr


def test_real_processes_and_a_light_parent(tmp_path):
    arguments = ["bench", "--size", "1MiB", "--rounds", "1", "--json", "--folder", str(tmp_path)]
    script = (
        "import sys; from arraymill.jobs.cli.main import arraymill\n"
        f"try:\n    arraymill.main({arguments!r}, prog_name='arraymill')\nexcept SystemExit as leaving:\n"
        "    print(leaving.code or 0, 'torch' in sys.modules, file=sys.stderr)"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=240, check=False)
    assert ran.stderr.splitlines()[-1] == "0 False", ran.stderr
    works = json.loads(ran.stdout)["works"]
    assert all(score["error"] is None for work in works for score in work["scores"])
