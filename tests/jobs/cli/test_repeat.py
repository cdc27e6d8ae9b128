import shlex
from pathlib import Path

import pytest
from operation_cases import CASES, case_of

from arraymill.jobs.api.stored.creation import absolute_spec
from arraymill.jobs.cli.repeat import repeat_command
from arraymill.jobs.operations import OPERATIONS
from arraymill.jobs.spec.load import load_spec
from arraymill.jobs.spec.write import format_yaml

SPEC = Path("/jobs/k3f9qzab/spec.yaml")


@pytest.fixture
def job_of(call, monkeypatch):
    """Return the job that a command line says, as it is kept, its parameters as the operation takes them."""
    said = []
    Path("model.py").write_text("def predict(rows):\n    return rows\n")
    monkeypatch.setattr("arraymill.jobs.cli.actions.run_job", lambda job, as_json: said.append(job))

    def job_of(*arguments):
        result = call(*arguments)
        assert result.exit_code == 0, result.output
        return said.pop()

    return job_of


def kept(spec):
    return format_yaml(absolute_spec(spec).model_dump(mode="json", exclude_none=True)).encode()


def meaning(spec):
    """Return a job without the ways in which one and the same can be written."""
    taken = OPERATIONS[spec.op].params.model_validate(spec.params)
    return absolute_spec(spec).model_dump(mode="json", exclude={"params", "inputs"}), taken, list(spec.inputs.values())


def again(spec, job_of):
    program, *arguments = shlex.split(repeat_command(kept(spec), SPEC))
    assert program == "arraymill"
    return job_of(*arguments)


@pytest.mark.parametrize("name", OPERATIONS)
def test_the_example_of_an_operation_is_said_again(name, job_of):
    spec = job_of(*shlex.split(OPERATIONS[name].example)[1:])
    assert meaning(again(spec, job_of)) == meaning(absolute_spec(spec))


@pytest.mark.parametrize("name", CASES)
def test_parameters_from_python_are_said_again(name, job_of):
    inputs, params = case_of(name)
    document = {"op": name, "inputs": [f"/data/{n}.npy" for n in range(len(inputs))], "params": params}
    spec = load_spec(format_yaml({**document, "params": {k: _plain(v) for k, v in params.items()}}), "a job")
    assert meaning(again(spec, job_of)) == meaning(spec)


def _plain(value):
    return list(value) if isinstance(value, tuple) else value


def test_settings_are_said_where_they_are_not_the_usual_ones(job_of):
    options = "--device cpu --precision strict --memory 2GB --workers 3 --cluster inline --hash full --name mine"
    options += " --force --set fault.retries=1 --set fault.on_error=skip --set compute.block=1MB"
    options += " --set 'output.chunks=[2, 3]'"
    spec = job_of(*shlex.split(f"run mean x.npy --axis 0 -o 'my means.zarr' {options}"))
    command = repeat_command(kept(spec), SPEC)
    assert "--set compute.block=1MB" in command
    assert "'" + str(Path.cwd() / "my means.zarr") + "'" in command
    assert meaning(again(spec, job_of)) == meaning(absolute_spec(spec))


def test_the_usual_settings_are_not_said(job_of):
    spec = job_of("run", "sum", "x.npy")
    assert repeat_command(kept(spec), SPEC) == f"arraymill run sum {Path.cwd() / 'x.npy'}"


@pytest.mark.parametrize(
    "job",
    [
        "{op: sum, inputs: {x: {path: /x.npy, select: '0:3'}}}",
        "{op: sum, inputs: {x: {path: [/x.npy, /y.npy]}}}",
        "{steps: [{op: map, params: {expr: x + 1}}, {op: sum}], inputs: {x: /x.npy}}",
        "{op: a-later-one, inputs: {x: /x.npy}}",
        "{version: 7}",
        "",
        "\x00",
    ],
)
def test_what_a_command_line_cannot_say_is_started_by_its_file(job):
    assert repeat_command(job.encode(), SPEC) == f"arraymill run {SPEC}"


@pytest.mark.parametrize("text", ["no", "1e-3", "null", "[1]", "a: b", "1MB"])
def test_text_that_yaml_takes_for_something_else_stays_text(text, job_of):
    spec = load_spec(format_yaml({"op": "convert", "inputs": {"x": "/x.npy"}, "output": "/y.csv"}), "a job")
    spec = spec.model_copy(update={"output": spec.output.model_copy(update={"columns": (text,)})})
    assert again(spec, job_of).output.columns == (text,)


def test_a_hostile_name_is_one_word():
    job = format_yaml({"op": "sum", "inputs": {"x": {"path": "/d/$(rm -rf ~); x.npy"}}}).encode()
    assert shlex.split(repeat_command(job, SPEC)) == ["arraymill", "run", "sum", "/d/$(rm -rf ~); x.npy"]
