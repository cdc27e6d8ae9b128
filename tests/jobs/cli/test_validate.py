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
