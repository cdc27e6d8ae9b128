import json

import pytest

from arraymill.jobs.spec.job_spec import JobSpec


@pytest.fixture
def written(tmp_path):
    def write(text, name="job.yaml"):
        (tmp_path / name).write_text(text, encoding="utf-8")
        return name

    return write


def test_valid_job_and_profile(call, written):
    job, profile = written("op: sum\ninputs: [x.npy]\n"), written("memory: {host: 10%}\n", "mine.yaml")
    result = call("validate", job, profile)
    assert result.exit_code == 0
    assert result.stdout == "job.yaml: a valid job (sum)\nmine.yaml: a valid profile\n"


def test_inputs_are_not_opened(call, written):
    assert call("validate", written("op: sum\ninputs: [nothing.npy]\n")).exit_code == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("op: summ\ninputs: [x.npy]\n", "line 1: no operation is called 'summ'; did you mean sum?"),
        ("op: sum\ninputs: [x.npy]\nparams:\n  axs: 0\n", "line 4: params.axs is no field; did you mean axis?"),
        ("op: sum\ninputs: [x.npy]\nparams: {axis: a}\n", "line 3: params.axis is 'a', not an integer or a list"),
        ("op: sum\ninputs: [x.npy, y.npy]\n", "sum takes 1 input (x), and 2 were given"),
        ("op: sum\ncompute: {devise: cpu}\n", "line 2: compute.devise is no field; did you mean device?"),
        ("compute: {devise: cpu}\n", "line 1: compute.devise is no field"),
    ],
)
def test_wrong_files(call, written, text, said):
    result = call("validate", written(text))
    assert result.exit_code == 2
    assert said in result.stderr


def test_operations_and_fields_are_judged_at_once(call, written):
    lines = [
        "steps:",
        "- {op: meen}",
        "- {op: sum, params: {axs: 1}, foo: 1}",
        "output: {path: y.npy, if_exists: maybe}",
    ]
    cause = [
        "line 2: no operation is called 'meen'; did you mean mean?",
        "line 3: steps.1.foo is no field: known are op, name, inputs, params",
        "line 3: steps.1.params.axs is no field; did you mean axis?",
        "line 4: output.if_exists is 'maybe', not error | replace",
    ]
    found = json.loads(call("validate", written("\n".join([*lines, "inputs: [x.npy]"])), "--json").stdout)
    assert found["files"][0]["problems"] == cause


@pytest.mark.parametrize("text", ["steps: 3", "op: sum\nsteps: {a: 1}", "steps: [3, {op: 4}, {op: sum, params: 5}]"])
def test_what_is_no_step_is_no_bug(call, written, text):
    assert call("validate", written(text + "\ninputs: [x.npy]\n")).exit_code == 2


def test_all_files_are_judged(call, written):
    bad, good = written("op: [\n", "bad.yaml"), written("op: sum\ninputs: [x.npy]\n")
    result = call("validate", bad, "nothing.yaml", good, "--json")
    assert result.exit_code == 2
    document = json.loads(result.stdout)
    assert document["schema"] == 1
    assert [file["valid"] for file in document["files"]] == [False, False, True]
    assert all(file["valid"] or file["problems"] for file in document["files"])


def test_schema_is_that_of_the_model(call):
    document = json.loads(call("schema").stdout)
    assert document.pop("$schema").startswith("https://json-schema.org/")
    assert document == JobSpec.model_json_schema()
