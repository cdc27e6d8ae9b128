import json

import numpy as np
import pytest

X = np.arange(12, dtype=np.float32).reshape(4, 3)


def test_small_result_is_printed_alone_on_stdout(call):
    result = call("run", "mean", "x.npy", "--axis", "0")
    assert result.exit_code == 0, result.stderr
    assert result.stdout == "[4.5 5.5 6.5]\n"
    assert "CPU, in this process" in result.stderr


def test_quiet_says_nothing_else(call):
    result = call("run", "sum", "x.npy", "-q")
    assert (result.stdout, result.stderr) == ("66.0\n", "")


def test_verbose_shows_the_plan(call):
    assert "plan of sum" in call("run", "sum", "x.npy", "-v").stderr


def test_output_file_is_written_and_named_on_stdout(call, tmp_path):
    result = call("run", "map", "x.npy", "--expr", "x * 2", "-o", "y.npy")
    assert result.exit_code == 0, result.stderr
    assert result.stdout == "y.npy\n"
    assert np.array_equal(np.load(tmp_path / "y.npy"), X * 2)


def test_existing_output_is_kept_without_force(call, tmp_path):
    np.save(tmp_path / "y.npy", [1.0])
    refused = call("run", "sum", "x.npy", "--axis", "0", "-o", "y.npy")
    assert refused.exit_code == 2
    assert "--force" in refused.stderr
    assert np.load(tmp_path / "y.npy").tolist() == [1.0]
    assert call("run", "sum", "x.npy", "--axis", "0", "-o", "y.npy", "--force").exit_code == 0
    assert np.load(tmp_path / "y.npy").tolist() == [18.0, 22.0, 26.0]


def test_large_result_needs_a_file(call, tmp_path):
    np.save(tmp_path / "big.npy", np.zeros((40, 40)))
    result = call("run", "map", "big.npy", "--expr", "x + 1")
    assert result.exit_code == 2
    assert "the result needs a file: (40, 40) float64, 12.8 kB" in result.stderr
    assert "add -o map.npy" in result.stderr


def test_json_receipt(call):
    document = json.loads(call("run", "sum", "x.npy", "--axis", "1", "--json", "--name", "rows").stdout)
    assert document["schema"] == 1
    assert document["value"] == [3.0, 12.0, 21.0, 30.0]
    assert (document["name"], document["output"], document["dtype"]) == ("rows", None, "<f4")
    assert document["bytes_read"] == X.nbytes


def test_job_file_gives_the_same_as_flags(call, tmp_path):
    (tmp_path / "job.yaml").write_text("op: std\ninputs: {x: x.npy}\nparams: {axis: 0, ddof: 1}\n", encoding="utf-8")
    by_flags = call("run", "std", "x.npy", "--axis", "0", "--ddof", "1")
    assert call("run", "job.yaml").stdout == by_flags.stdout
    assert call("run", "-", input=(tmp_path / "job.yaml").read_text()).stdout == by_flags.stdout


@pytest.mark.parametrize(
    ("args", "exit_code"),
    [
        (["sum", "nothing.npy"], 3),
        (["sum", "text.npy"], 3),
        (["sum", "x.npy", "--axis", "7"], 2),
        (["matmul", "x.npy", "x.npy"], 2),
        (["sum", "x.npy", "-o", "x.npy", "--force"], 2),
        (["sum", "x.npy", "-o", "no/such/folder/y.npy"], 2),
        (["sum", "x.npy", "--memory", "1MB"], 6),
    ],
)
def test_failures_leave_with_their_code_and_one_block(call, tmp_path, args, exit_code):
    (tmp_path / "text.npy").write_text("not an array", encoding="utf-8")
    before = sorted(tmp_path.iterdir())
    result = call("run", *args)
    assert result.exit_code == exit_code, result.output
    assert result.stderr.startswith("error[")
    assert "Traceback" not in result.stderr
    assert sorted(tmp_path.iterdir()) == before


def test_plan_writes_nothing(call, tmp_path):
    before = sorted(tmp_path.iterdir())
    result = call("plan", "sum", "x.npy", "--axis", "0", "-o", "y.npy")
    assert result.exit_code == 0, result.stderr
    assert "feasible" in result.stdout
    assert sorted(tmp_path.iterdir()) == before


def test_a_plan_that_cannot_fit_is_a_document_too(call):
    result = call("plan", "sum", "x.npy", "--memory", "1KB", "--json")
    document = json.loads(result.stdout)
    assert (result.exit_code, document["schema"], document["feasible"]) == (6, 1, False)
    assert document["error"]["id"] == "cannot-fit"
    assert document["error"]["next"] in result.stderr


@pytest.mark.parametrize(
    ("output", "said"), [("x.npy", "the output is an input"), ("no/y.npy", "mkdir -p"), ("y.npy", "")]
)
def test_a_plan_says_what_its_output_would_stop(call, output, said):
    result = call("plan", "sum", "x.npy", "-o", output)
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1].startswith("feasible")
    assert result.stderr.startswith("but it would not start: " if said else "")
    assert said in result.stderr
    assert bool(result.stderr) is bool(said)


def test_plan_that_cannot_fit_leaves_with_6(call):
    result = call("plan", "sum", "x.npy", "--memory", "1MB")
    assert result.exit_code == 6
    assert result.stderr.startswith("error[cannot-fit]")


def test_plan_as_json(call):
    document = json.loads(call("plan", "sum", "x.npy", "--axis", "0", "--json").stdout)
    assert (document["schema"], document["feasible"], document["output"]["shape"]) == (1, True, [3])
