"""The benchmarks run, say what they measured in the form that is documented, and take no wrong result for a time."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from source_tree import ROOT

FIELDS = {
    "schema",
    "kind",
    "date",
    "quick",
    "cold",
    "durable",
    "rounds",
    "settled",
    "versions",
    "machine",
    "runs",
    "ratios",
}
ROW_FIELDS = {
    "contender",
    "variant",
    "error",
    "seconds",
    "process_s",
    "start_s",
    "relative_error",
    "peak_bytes",
    "peak_worker_bytes",
    "ratio",
    "error_ratio",
    "efficiency",
    "facts",
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
    chosen = ["--quick", "--case", "matmul-8192", "shell-sum-1mb", "--contender", "arraymill", "numpy", "--rounds", "2"]
    run = python("-m", "benchmarks", *chosen, "--folder", str(folder), "--out", str(out))
    assert run.returncode == 0, run.stderr
    return run.stdout, out.read_text()


@pytest.fixture(scope="module")
def document(quick_run: tuple[str, str]) -> dict[str, Any]:
    return dict(json.loads(quick_run[1]))


def test_the_document_has_the_fields_of_schema_2(document: dict[str, Any]) -> None:
    assert set(document) == FIELDS
    assert (document["schema"], document["kind"]) == (2, "cpu")
    assert {"python", "numpy", "torch", "dask", "arraymill"} <= set(document["versions"])
    assert set(document["machine"]) == {"cpu", "cores", "memory_bytes", "system", "blas", "gpu"}
    (run,) = document["runs"]
    assert all(value > 0 for value in run["ceilings"].values())


def test_every_contender_has_a_row_with_every_turn(document: dict[str, Any]) -> None:
    cases = document["runs"][0]["cases"]
    assert [case["name"] for case in cases] == ["matmul-8192", "shell-sum-1mb"]
    for case, n_turns in zip(cases, (1, 2), strict=True):
        assert [row["contender"] for row in case["rows"]] == ["arraymill", "numpy"]
        for row in case["rows"]:
            assert set(row) == ROW_FIELDS
            assert row["error"] is None
            assert row["peak_bytes"] >= row["peak_worker_bytes"] > 1_000_000
            spread = row["seconds"]
            assert len(spread["all"]) == n_turns
            assert spread["min"] <= spread["median"] <= spread["max"]


def test_arraymill_is_what_others_are_compared_with(document: dict[str, Any]) -> None:
    assert [case["rows"][0]["ratio"] for case in document["runs"][0]["cases"]] == [1.0, 1.0]


def test_ratios_are_held_against_what_is_asked(document: dict[str, Any]) -> None:
    found = {(ratio["row"], ratio["what"]): ratio for ratio in document["ratios"]}
    measured = found["matmul fp32 n = 8192", "numpy / arraymill, seconds"]
    assert (measured["must"], measured["goal"]) == (1.0, 1.25)
    # sizes are those of a rehearsal: nothing is judged by them
    assert measured["met"] == "rehearsed"
    assert measured["spread"]["median"] > 0
    left_out = found["matmul fp32 n = 8192", "torch / arraymill, seconds"]
    assert left_out["spread"] is None
    assert not any("var" in row for row, _ in found)


def judged(ours: float, numpys: float) -> str:
    """Return how seconds are judged of which NumPy's may be 1.25 times ours, and must not be less."""
    script = f"""
from benchmarks.results import CaseResult, Row, Run, spread_of
from benchmarks.target_table import TARGETS
from benchmarks.targets import found_ratios
rows = tuple(Row(name, {{}}, None, spread_of([s])) for name, s in (("arraymill", {ours}), ("numpy", {numpys})))
case = CaseResult("matmul-8192", "products", "matmul", None, ((8, 8), (8, 8)), "float32", {{}}, rows)
run = Run({{}}, (case,), {{}})
print(next(ratio.met for ratio in found_ratios(TARGETS, [run, run]) if "numpy" in ratio.what))
"""
    run = python("-c", script)
    assert run.returncode == 0, run.stderr
    return run.stdout.strip()


@pytest.mark.parametrize(("ours", "met"), [(1.1, "missed"), (1.0, "must"), (0.8, "goal")])
def test_a_ratio_is_judged_by_its_median(ours: float, met: str) -> None:
    assert judged(ours, 1.0) == met


def test_no_path_is_published(quick_run: tuple[str, str], folder: Path) -> None:
    assert [place for place in (str(folder), str(ROOT), sys.prefix) if place in quick_run[1]] == []


def test_a_table_is_printed_of_the_ratios_and_for_each_case(quick_run: tuple[str, str]) -> None:
    assert [line.split(":")[0] for line in quick_run[0].splitlines() if line.startswith("###")] == [
        "### ratios",
        "### matmul-8192",
        "### shell-sum-1mb",
    ]


@pytest.mark.parametrize("fault", ["poisoned", "missing", "wrong-shape", "one-wrong"])
@pytest.mark.parametrize("case", ["matmul-8192", "sum-axis0", "gram-512", "cov-512"])
def test_a_wrong_result_is_an_error(fault: str, case: str, folder: Path) -> None:
    script = f"""
import numpy as np
from pathlib import Path
from benchmarks.case_table import CASES
from benchmarks.files import make_input, poison
from benchmarks.references import WrongResultError, check_of

case = next(case for case in CASES if case.name == {case!r}).rehearsal()
folder = Path({str(folder)!r})
inputs = [make_input(folder, matrix) for matrix in case.inputs]
check, output = check_of(case, inputs), folder / "result.npy"
x, *others = map(np.load, inputs)
result = x.T @ x if case.operation == "gram" else getattr(np, case.operation)(x, *others, **case.params)
np.save(output, result)
assert check(output) <= case.tolerance
result[-1] *= 1.01
{{
    "poisoned": lambda: poison(output, case.output_shape, "float32"),
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


def test_a_stored_document_is_read_back_whole(quick_run: tuple[str, str], folder: Path) -> None:
    script = f"""
from pathlib import Path
from benchmarks.report import as_json, as_markdown
from benchmarks.stored import read_document
document = read_document(Path({str(folder / "out.json")!r}))
assert as_json(document) == Path({str(folder / "out.json")!r}).read_text()
print(as_markdown(document))
"""
    run = python("-c", script)
    assert run.stdout == quick_run[0], run.stderr
