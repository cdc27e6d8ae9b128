import json

import pytest
from click.testing import CliRunner

from arraymill.jobs.cli.operation_group import OperationGroup
from arraymill.jobs.operations import OPERATIONS

JOB = "op: sum\ninputs: [x.npy]\nparams: {axis: 0}\n"


@pytest.fixture
def asked(tmp_path, monkeypatch):
    """Return the job that a command line asks for."""
    monkeypatch.chdir(tmp_path)
    jobs = []
    group = OperationGroup("run", lambda job, as_json: jobs.append(job))

    def ask(*args, stdin=None, env=None):
        result = CliRunner().invoke(group, list(args), input=stdin, env=env)
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == 0, result.output
        return jobs[-1]

    return ask


def test_operation_with_flags(asked):
    job = asked("matmul", "a.npy", "b.npy", "-o", "c.npy", "--force", "--precision", "strict", "--memory", "2GB")
    assert [entry.path for entry in job.inputs.values()] == ["a.npy", "b.npy"]
    assert job.output.model_dump() == {"path": "c.npy", "if_exists": "replace"}
    assert (job.compute.precision, job.memory.host) == ("strict", "2GB")


@pytest.mark.parametrize(
    ("flags", "section", "expected"),
    [
        (["--device", "cpu"], "compute", {"device": "cpu"}),
        (["--device-memory", "50%"], "memory", {"device": "50%"}),
        (["--cluster", "local", "--workers", "3"], "cluster", {"kind": "local", "workers": 3}),
        (["--workers", "auto"], "cluster", {"workers": "auto"}),
        (["--gpus", "2"], "cluster", {"gpus": 2}),
        (["--gpus", "GPU-1, GPU-2"], "cluster", {"gpus": ("GPU-1", "GPU-2")}),
        (["--dashboard"], "cluster", {"dashboard": True}),
        (["--set", "fault.retries=0"], "fault", {"retries": 0}),
    ],
)
def test_every_flag_reaches_its_field(asked, flags, section, expected):
    job = asked("sum", "x.npy", *flags)
    assert getattr(job, section).model_dump(exclude_unset=True) == expected


def test_job_file_with_flags_over_it(asked, tmp_path):
    (tmp_path / "job.yaml").write_text(JOB + "compute: {precision: fast}\n", encoding="utf-8")
    job = asked("job.yaml", "--precision", "strict", "--name", "mine", "--set", "params.keepdims=true")
    assert (job.compute.precision, job.name, job.params) == ("strict", "mine", {"axis": 0, "keepdims": True})


def test_what_a_shell_made_of_a_pattern_is_told():
    refused = CliRunner().invoke(OperationGroup("run", lambda job, as_json: None), ["mean", "a.npy", "b.npy"])
    assert refused.exit_code == 2
    assert "mean takes 1 input, and b.npy is one more; several files stand as one input by a pattern" in refused.output
    refused = CliRunner().invoke(OperationGroup("run", lambda job, as_json: None), ["job.yaml", "b.npy"])
    assert "unexpected extra argument" in refused.output


def test_job_from_stdin(asked):
    assert asked("-", stdin=JOB).op == "sum"


def test_profile_is_between_the_file_and_the_flags(asked, tmp_path):
    (tmp_path / "job.yaml").write_text(JOB + "memory: {host: 10%, device: 11%}\n", encoding="utf-8")
    (tmp_path / "mine.yaml").write_text("memory: {host: 20%}\ncluster: {workers: 2}\n", encoding="utf-8")
    job = asked("job.yaml", "--config", "mine.yaml", "--workers", "3")
    assert (job.memory.host, job.memory.device, job.cluster.workers) == ("20%", "11%", 3)


def test_settings_come_from_the_environment_too(asked):
    job = asked("sum", "x.npy", env={"ARRAYMILL_PRECISION": "strict", "ARRAYMILL_CONFIG": "laptop"})
    assert (job.compute.precision, job.cluster.workers) == ("strict", 2)


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["summ", "x.npy"], "did you mean sum?"),
        (["x.npy"], "the operation comes first: arraymill run sum x.npy"),
        (["-o", "y.npy", "sum", "x.npy"], "options follow the operation"),
        (["sum"], "Missing argument 'X'"),
        (["sum", "x.npy", "y.npy"], "sum takes 1 input, and y.npy is one more"),
        (["sum", "x.npy", "--axs", "0"], "--axis"),
        (["map", "x.npy"], "--expr"),
        (["sum", "x.npy", "--axis"], "next:  arraymill run sum --help"),
    ],
)
def test_wrong_use_says_what_to_do(call, args, said):
    result = call("run", *args)
    assert result.exit_code == 2
    assert said in result.stderr


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--axis", "first"], "--axis: params.axis is 'first', not an integer or a list"),
        (["--memory", "3G"], "--memory: memory.host: '3G' has an unknown unit"),
        (["--workers", "0"], "--workers: cluster.workers: 0 is not"),
        (["--gpus", ","], "--gpus: cluster.gpus: [] names no GPUs"),
        (["--name", "a b"], "--name: name is 'a b'"),
        (["--device", "cpu", "--cluster", "cuda"], "compute.device is cpu and cluster.kind is cuda"),
        (["--config", "lapto"], "did you mean laptop?"),
        (["--config", "./nothing.yaml"], "cannot be read"),
        (["--force"], "output.path is missing"),
    ],
)
def test_wrong_values_name_the_flag(call, args, said):
    result = call("run", "sum", "x.npy", *args)
    assert result.exit_code == 2
    assert said in result.stderr


def test_wrong_profile_names_its_line(call, tmp_path):
    (tmp_path / "mine.yaml").write_text("compute:\n  device: gpu\n", encoding="utf-8")
    result = call("run", "sum", "x.npy", "--config", "mine.yaml")
    assert "line 2: compute.device is 'gpu'" in result.stderr


def test_job_file_as_a_profile_is_refused(call, tmp_path):
    (tmp_path / "job.yaml").write_text(JOB, encoding="utf-8")
    result = call("run", "sum", "x.npy", "--config", "job.yaml")
    assert "is a job file, not a profile" in result.stderr


@pytest.mark.parametrize("name", OPERATIONS)
def test_help_of_every_operation(call, name):
    text = call("run", name, "--help").stdout
    assert OPERATIONS[name].example in text
    assert text.index("Examples:") < text.index("Usage:") < text.index("--output")


def test_plan_takes_the_same_arguments(call):
    assert "arraymill plan sum" in call("plan", "sum", "--help").stdout


def test_operations_and_files_are_completed():
    group = OperationGroup("run", lambda job, as_json: None)
    with group.make_context("run", ["sum", "x.npy"]) as context:
        items = group.shell_complete(context, "nanm")
    assert {item.value for item in items if item.type == "plain"} == {"nanmean", "nanmin", "nanmax", "nanmedian"}
    assert any(item.type == "file" for item in items)


def test_json_flag_reaches_the_action(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    group = OperationGroup("run", lambda job, as_json: print(json.dumps(as_json)))
    assert CliRunner().invoke(group, ["sum", "x.npy", "--json"]).stdout == "true\n"
