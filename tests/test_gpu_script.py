"""`benchmarks/gpu.sh`: what a GPU node without network runs, rehearsed on a CPU."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from source_tree import ROOT

SCRIPT = ROOT / "benchmarks" / "gpu.sh"


def script(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the script, which is told to use this Python as it is."""
    command = ["bash", str(SCRIPT), "--python", sys.executable, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=280)


def test_it_is_a_script_that_can_be_run() -> None:
    assert SCRIPT.stat().st_mode & 0o111
    checked = subprocess.run(["bash", "-n", str(SCRIPT)], capture_output=True, text=True, timeout=60)
    assert (checked.returncode, checked.stderr) == (0, "")


def test_help_names_every_option() -> None:
    shown = script("--help")
    assert shown.returncode == 0
    options = {word.strip("|)") for word in SCRIPT.read_text().split() if word.startswith("--") and word.endswith(")")}
    assert options - {"--", "--help"} == {option for option in options if f"  {option} " in shown.stdout}
    assert len(options) > 4


@pytest.mark.parametrize("arguments", [["--what"], ["--out"], ["--seconds", "soon"]])
def test_wrong_use_leaves_with_2(arguments: list[str]) -> None:
    assert script(*arguments).returncode == 2


def test_without_wheels_nothing_is_made(tmp_path: Path) -> None:
    ran = script("--out", str(tmp_path), "--wheelhouse", str(tmp_path / "none"))
    assert ran.returncode == 2
    assert "make wheelhouse" in ran.stderr


def test_a_rehearsal_writes_results(tmp_path: Path) -> None:
    chosen = ["--case", "gpu-fp32-32768", "gpu-max"]
    ran = script("--dry-run", "--no-install", "--no-tests", "--out", str(tmp_path), "--", *chosen)
    assert ran.returncode == 0, ran.stderr
    (result,) = tmp_path.glob("*.json")
    document = json.loads(result.read_text())
    assert (document["kind"], document["quick"]) == ("gpu", True)
    cases = document["runs"][0]["cases"]
    assert [(case["name"], case["rows"][0]["error"]) for case in cases] == [("gpu-fp32-32768", None), ("gpu-max", None)]
    assert {ratio["met"] for ratio in document["ratios"]} == {"rehearsed"}
    assert "resident_tf32_gflop_s" in document["runs"][0]["ceilings"]
    assert json.loads((tmp_path / "logs" / "bench.json").read_text())["schema"] == 1
    assert "### ratios" in ran.stdout


def test_when_time_is_up_it_says_what_was_left_out(tmp_path: Path) -> None:
    ran = script("--dry-run", "--no-install", "--seconds", "3", "--out", str(tmp_path))
    assert ran.returncode == 1
    assert "benchmarks: left out, time is up" in ran.stderr
