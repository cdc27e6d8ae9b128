"""The benchmarks run, say what they measured in the form that is documented, and take no wrong result for a time."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from source_tree import ROOT

FIELDS = {"schema", "date", "quick", "cold", "durable", "rounds", "versions", "machine", "ceilings", "cases"}
ROW_FIELDS = {
    "contender",
    "variant",
    "error",
    "seconds",
    "process_s",
    "start_s",
    "relative_error",
    "ratio",
    "error_ratio",
    "efficiency",
}


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python where `benchmarks` can be imported."""
    return subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=240)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("benchmarks")


@pytest.fixture(scope="module")
def quick_run(folder: Path) -> tuple[str, str]:
    """Return what a run printed and the JSON that it wrote."""
    out = folder / "out.json"
    chosen = ["--quick", "--case", "matmul-4096", "shell-sum-1mb", "--contender", "arraymill", "numpy", "--rounds", "2"]
    run = python("-m", "benchmarks", *chosen, "--folder", str(folder), "--out", str(out))
    assert run.returncode == 0, run.stderr
    return run.stdout, out.read_text()


@pytest.fixture(scope="module")
def document(quick_run: tuple[str, str]) -> dict[str, Any]:
    return dict(json.loads(quick_run[1]))


def test_the_document_has_the_fields_of_schema_1(document: dict[str, Any]) -> None:
    assert set(document) == FIELDS
    assert document["schema"] == 1
    assert {"python", "numpy", "torch", "dask", "arraymill"} <= set(document["versions"])
    assert set(document["machine"]) == {"cpu", "cores", "memory_bytes", "system", "blas"}
    assert all(value > 0 for value in document["ceilings"].values())


def test_every_contender_has_a_row_with_every_turn(document: dict[str, Any]) -> None:
    assert [case["name"] for case in document["cases"]] == ["matmul-4096", "shell-sum-1mb"]
    for case in document["cases"]:
        assert [row["contender"] for row in case["rows"]] == ["arraymill", "numpy"]
        for row in case["rows"]:
            assert set(row) == ROW_FIELDS
            assert row["error"] is None
            spread = row["seconds"]
            assert len(spread["all"]) == document["rounds"] == 2
            assert spread["min"] <= spread["median"] <= spread["max"]


def test_arraymill_is_what_others_are_compared_with(document: dict[str, Any]) -> None:
    assert [case["rows"][0]["ratio"] for case in document["cases"]] == [1.0, 1.0]


def test_no_path_is_published(quick_run: tuple[str, str], folder: Path) -> None:
    assert [place for place in (str(folder), str(ROOT), sys.prefix) if place in quick_run[1]] == []


def test_a_table_is_printed_for_each_case(quick_run: tuple[str, str]) -> None:
    assert [line.split(":")[0] for line in quick_run[0].splitlines() if line.startswith("###")] == [
        "### matmul-4096",
        "### shell-sum-1mb",
    ]


@pytest.mark.parametrize("fault", ["poisoned", "missing", "wrong-shape", "one-wrong"])
@pytest.mark.parametrize("case", ["matmul-4096", "sum-axis0"])
def test_a_wrong_result_is_an_error(fault: str, case: str, folder: Path) -> None:
    script = f"""
import numpy as np
from pathlib import Path
from benchmarks.cases import CASES
from benchmarks.files import make_input, poison
from benchmarks.references import WrongResultError, check_of

case = next(case for case in CASES if case.name == {case!r}).rehearsal()
folder = Path({str(folder)!r})
inputs = [make_input(folder, matrix) for matrix in case.inputs]
check, output = check_of(case, inputs), folder / "result.npy"
result = getattr(np, case.operation)(*map(np.load, inputs), **case.params)
np.save(output, result)
assert check(output) <= case.tolerance
result[-1] *= 1.01
{{
    "poisoned": lambda: poison(output, case.output_shape),
    "missing": output.unlink,
    "wrong-shape": lambda: np.save(output, result[1:]),
    "one-wrong": lambda: np.save(output, result),
}}[{fault!r}]()
try:
    check(output)
except WrongResultError:
    print("refused")
"""
    run = python("-c", script)
    assert run.stdout == "refused\n", run.stderr


def test_an_unknown_case_is_answered_with_the_known_ones() -> None:
    run = python("-m", "benchmarks", "--case", "sum-axis7")
    assert run.returncode == 2
    assert "sum-axis0" in run.stderr
