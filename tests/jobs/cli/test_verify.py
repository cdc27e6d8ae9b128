import json

import numpy as np
import pytest
from stored_jobs import hold_job, store_job

from arraymill.jobs.cli.verify import verify
from arraymill.jobs.operations import OPERATIONS

pytestmark = pytest.mark.usefixtures("home")


@pytest.fixture
def sums(call):
    """Run a job, and return its id."""
    assert call("run", "sum", "x.npy", "--axis", "0", "-o", "y.npy", "-q").exit_code == 0
    return json.loads(call("list", "--json").stdout)["jobs"][0]["id"]


def test_a_job(call, sums):
    result = call("verify", sums)
    assert result.exit_code == 0
    head, line = result.stdout.splitlines()
    assert head.split() == ["checked", "elements", "error", "bound", "at", "how"]
    assert line.split()[1:4] == ["3", "of", "3"]
    assert " ok " in line
    assert "all within their bounds" in result.stderr


def test_files(call, sums):
    assert call("verify", "sum", "x.npy", "y.npy", "--axis", "0").exit_code == 0
    result = call("verify", "sum", "x.npy", "y.npy", "--axis", "1")
    assert (result.exit_code, "is not what sum gives" in result.stderr) == (2, True)
    result = call("verify", "mean", "x.npy", "y.npy", "--axis", "0")
    assert result.exit_code == 8
    assert "error[verification]: y.npy[0] is not what NumPy computes" in result.stderr
    assert "WRONG" in result.stdout


def test_json(call, sums):
    np.save("y.npy", np.array([18, 22, 27], np.float32))
    result = call("verify", sums, "--json", "--sample", "3", "--seed", "7")
    document = json.loads(result.stdout)
    assert result.exit_code == 8
    assert [document[name] for name in ("schema", "id", "sample", "seed", "ok")] == [1, sums, 3, 7, False]
    (finding,) = document["checks"][0]["findings"]
    assert (finding["index"], finding["found"], finding["expected"], finding["ok"]) == ([2], 27.0, 26.0, False)


def test_a_changed_input_is_refused(call, sums):
    np.save("x.npy", np.ones((4, 3), np.float32))
    result = call("verify", sums)
    assert (result.exit_code, "x.npy changed" in result.stderr) == (3, True)


def test_an_output_that_is_gone(call, sums, tmp_path):
    (tmp_path / "y.npy").unlink()
    assert call("verify", sums).exit_code == 3


@pytest.mark.parametrize(("status", "code"), [("FAILED", 1), ("CANCELLED", 4), ("RUNNING", 75)])
def test_a_job_that_is_not_done(call, status, code):
    assert call("verify", store_job(status).id).exit_code == code


def test_a_job_that_runs_and_one_that_is_not_there(call):
    with hold_job("RUNNING") as lock:
        assert call("verify", lock.folder.id).exit_code == 11
    assert call("verify", "nosuchjob").exit_code == 10


def test_outputs_beside_the_main_one(call):
    np.save("x.npy", np.random.default_rng(0).standard_normal((50, 4)))
    assert call("run", "svd", "x.npy", "-o", "u.npy", "-q").exit_code == 0
    lines = call("verify", "svd", "x.npy", "u.npy").stdout.splitlines()
    assert [line.split()[0] for line in lines[1:]] == ["u.npy", "u.npy", "u.vh.npy"]


@pytest.mark.parametrize("suffix", [".csv", ".zarr", ".h5", ".npz", ".parquet"])
def test_other_formats(call, suffix):
    name = f"y{suffix}"
    assert call("run", "map", "x.npy", "--expr", "x / 3", "-o", name, "-q").exit_code == 0
    result = call("verify", "map", "x.npy", name, "--expr", "x / 3")
    assert (result.exit_code, result.stderr) == (0, "all within their bounds\n")


def test_inputs_that_are_read_from_front_to_back_and_joined_ones(call, tmp_path):
    x = np.random.default_rng(1).standard_normal((30, 4))
    np.savez_compressed("x.npz", x=x)
    np.savetxt("x.csv", x, delimiter=",", header="a,b,c,d", comments="")
    np.save("part0.npy", x[:10])
    np.save("part1.npy", x[10:20])
    jobs = [
        ("cov", "x.npz", "--no-rowvar"), ("svd", "x.csv"), ("concatenate", "part*.npy"), ("stack", "part*.npy"),
        ("mean", "part*.npy", "--axis", "0"), ("standardize", "x.csv"),
    ]  # fmt: skip
    for number, (name, *words) in enumerate(jobs):
        assert call("run", name, *words, "-o", f"y{number}.npy", "--set", "verify.sample=4", "-q").exit_code == 0
        result = call("verify", name, words[0], f"y{number}.npy", *words[1:])
        assert result.exit_code == 0, result.stderr
    for job in json.loads(call("list", "--json").stdout)["jobs"]:
        assert call("verify", job["id"]).exit_code == 0


def test_a_job_file_that_asks_for_it(call, tmp_path):
    (tmp_path / "job.yaml").write_text("{version: 1, op: sum, inputs: [x.npy], output: y.npy, verify: {sample: 2}}")
    assert call("run", "job.yaml", "-q").exit_code == 0
    assert call("run", "mean", "x.npy", "--axis", "0", "-o", "z.npy", "-q", "--set", "verify.sample=3").exit_code == 0
    job = json.loads(call("list", "--json").stdout)["jobs"][0]["id"]
    (step,) = json.loads(call("report", job, "--json").stdout)["verified"]
    assert (step["operation"], step["findings"][0]["ok"]) == ("mean", True)


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_every_operation_has_a_page_without_two_options_of_one_name(call, name):
    result = call("verify", name, "--help")
    assert result.exit_code == 0
    command = verify.get_command(None, name)
    flags = [flag for param in command.params for flag in (*param.opts, *param.secondary_opts)]
    assert len(set(flags)) == len(flags)


def test_options_before_the_job_are_said(call):
    assert call("verify", "--sample", "3", "abc").exit_code == 2
