from __future__ import annotations

import json
from itertools import combinations
from pathlib import Path

import pytest
from dask_layer import dask_layer

from arraymill.jobs.spec.job_spec import Settings

JOB = "op: sum\ninputs: [x.npy]\n"


@pytest.fixture
def layer(tmp_path):
    with dask_layer(tmp_path / "dask") as made:
        yield made


@pytest.fixture
def settings(call, layer):
    """Return what `arraymill config` says of each setting: (value, layer, origin)."""

    def ask(*args):
        result = call("config", *args, "--json")
        assert result.exit_code == 0, result.stderr
        document = json.loads(result.stdout)
        assert document["schema"] == 1
        return {entry["name"]: (entry["value"], entry["layer"], entry["origin"]) for entry in document["settings"]}

    return ask


def test_every_setting_is_there_with_its_default(settings):
    found = settings()
    for section in ("compute", "memory", "cluster", "fault"):
        assert {f"{section}.{name}" for name in _fields(section)} <= set(found)
    assert {(layer, origin) for _, layer, origin in found.values()} == {("default", "default")}
    assert found["compute.precision"][0] == "standard"


def _fields(section):
    return type(getattr(Settings(), section)).model_fields


# each layer says how many retries it would have; those that come later win
def _default(layer):
    return [], (3, "default", "default")


def _dask_file(layer):
    path = layer.write("arraymill:\n  fault: {retries: 1}\n")
    return [], (1, "dask.config", f"dask config: {path}:2")


def _dask_variable(layer):
    layer.variable("DASK_ARRAYMILL__FAULT__RETRIES", "2")
    return [], (2, "dask.config", "DASK_ARRAYMILL__FAULT__RETRIES")


def _job(layer):
    Path("job.yaml").write_text(JOB + "fault:\n  retries: 4\n")
    return ["job.yaml"], (4, "job file", "job.yaml:4")


def _profile(layer):
    Path("mine.yaml").write_text("fault:\n  retries: 5\n")
    return ["--config", "./mine.yaml"], (5, "profile", "./mine.yaml:2")


def _override(layer):
    return ["--set", "fault.retries=6"], (6, "option", "--set fault.retries=6")


LAYERS = [_default, _dask_file, _dask_variable, _job, _profile, _override]


@pytest.mark.parametrize(("lower", "upper"), list(combinations(LAYERS, 2)))
def test_of_two_layers_the_later_wins(settings, layer, lower, upper):
    below, _ = lower(layer)
    above, expected = upper(layer)
    assert settings(*below, *above)["fault.retries"] == expected


@pytest.mark.parametrize("lower", [_default, _dask_file, _dask_variable, _job, _profile])
def test_a_flag_wins_over_its_variable_and_that_over_files(settings, layer, monkeypatch, lower):
    below, _ = lower(layer)
    monkeypatch.setenv("ARRAYMILL_MEMORY", "2GB")
    layer.variable("DASK_ARRAYMILL__MEMORY__HOST", "1GB")
    assert settings(*below)["memory.host"] == ("2GB", "environment", "ARRAYMILL_MEMORY")
    assert settings(*below, "--memory", "3GB")["memory.host"] == ("3GB", "option", "--memory")
    assert settings(*below, "--memory", "3GB", "--set", "memory.host=4GB")["memory.host"][0] == "4GB"


def test_a_shipped_profile_is_called_by_its_name(settings, monkeypatch):
    assert settings("--config", "laptop")["memory.host"][1:] == ("profile", "profile laptop:14")
    monkeypatch.setenv("ARRAYMILL_CONFIG", "laptop")
    assert settings()["cluster.workers"][:2] == (2, "profile")


def test_a_whole_section_in_one_option_has_one_origin(settings):
    found = settings("--set", "compute={device: cpu, block: 1MB}")
    assert found["compute.block"] == ("1MB", "option", "--set compute={device: cpu, block: 1MB}")
    assert found["compute.precision"] == ("standard", "default", "default")


def test_what_a_job_file_contradicts_is_not_shown(settings, layer):
    layer.write("arraymill: {cluster: {kind: cuda, workers: 3}}\n")
    found = settings("--device", "cpu")
    assert found["cluster.kind"] == ("auto", "default", "default")
    assert found["cluster.workers"][:2] == (3, "dask.config")


def test_text_is_aligned_and_says_where_things_are(call, layer, home):
    path = layer.write("arraymill: {compute: {precision: fast}, cluster: {gpus: [a, b]}}\n")
    result = call("config", "--set", "fault.timeout_s=90")
    lines = result.stdout.splitlines()
    assert lines[0].split() == ["setting", "value", "origin"]
    at = lines[0].index("value"), lines[0].index("origin")
    table = lines[: lines.index("")]
    assert all(line[start - 1] == " " != line[start] for line in table for start in at)
    shown = {line[: at[0]].strip(): (line[at[0] : at[1]].strip(), line[at[1] :]) for line in table}
    assert shown["compute.precision"] == ("fast", f"dask config: {path}:1")
    assert shown["cluster.gpus"] == ("[a, b]", f"dask config: {path}:1")
    assert shown["fault.timeout_s"] == ("90.0", "--set fault.timeout_s=90")
    assert shown["cluster.dashboard"] == ("false", "default")
    assert lines[-2:] == [f"home of jobs      {home} (ARRAYMILL_HOME)", f"your own settings {path} (read)"]


def test_json_says_where_things_are(call, layer, monkeypatch, tmp_path):
    monkeypatch.delenv("ARRAYMILL_HOME")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    document = json.loads(call("config", "--json").stdout)
    assert document["home"] == {"path": str(tmp_path / "state" / "arraymill"), "origin": "default"}
    assert document["dask_config"] == {"path": str(layer.folder / "arraymill.yaml"), "exists": False}
    assert document["settings"][0] == {
        "name": "compute.device",
        "value": "auto",
        "default": "auto",
        "layer": "default",
        "origin": "default",
    }


def test_a_profile_and_stdin_can_be_asked_about(call, layer):
    Path("mine.yaml").write_text("memory: {host: 10%}\n")
    (shown,) = [line.split() for line in call("config", "mine.yaml").stdout.splitlines() if "memory.host" in line]
    assert shown == ["memory.host", "10%", "mine.yaml:1"]
    result = call("config", "-", input=JOB + "memory: {host: 11%}\n")
    assert "stdin:3" in result.stdout


WRONG = [
    ([], "DASK_ARRAYMILL__FAULT__HASH", "md5", "DASK_ARRAYMILL__FAULT__HASH: fault.hash is 'md5', not sampled | full"),
    ([], "ARRAYMILL_MEMORY", "lots", "ARRAYMILL_MEMORY: memory.host"),
    (["--memory", "lots"], "X", "", "--memory: memory.host"),
    (["--set", "fault.retires=1"], "X", "", "fault.retires is no field; did you mean retries?"),
    (["--config", "lap"], "X", "", "no profile is called 'lap'"),
]


@pytest.mark.parametrize(("flags", "variable", "value", "said"), WRONG)
@pytest.mark.parametrize("command", [["config"], ["run", "sum", "x.npy"], ["plan", "sum", "x.npy"]])
def test_what_is_wrong_is_said_as_by_run(call, layer, command, flags, variable, value, said):
    layer.variable(variable, value)
    result = call(*command, *flags)
    assert result.exit_code == 2
    assert said in result.stderr
    assert result.stdout == ""


def test_a_variable_of_one_command_is_named(call, layer, monkeypatch):
    monkeypatch.setenv("ARRAYMILL_RUN_SUM_NAME", "not a name")
    result = call("run", "sum", "x.npy")
    assert result.exit_code == 2
    assert "ARRAYMILL_RUN_SUM_NAME: name" in result.stderr


def test_a_wrong_job_is_refused(call, layer):
    Path("job.yaml").write_text("op: summ\ninputs: [x.npy]\n")
    result = call("config", "job.yaml")
    assert result.exit_code == 2
    assert "line 1: no operation is called 'summ'" in result.stderr


def test_run_and_plan_do_as_config_says(call, layer, home):
    layer.write("arraymill: {compute: {precision: strict}}\n")
    assert json.loads(call("plan", "sum", "x.npy", "--json").stdout)["precision"] == "strict"
    assert call("run", "sum", "x.npy").stdout == "66.0\n"
    (spec,) = (home / "jobs").glob("*/spec.yaml")
    assert "precision: strict" in spec.read_text()
    assert json.loads(call("plan", "sum", "x.npy", "--json", "--precision", "fast").stdout)["precision"] == "fast"
