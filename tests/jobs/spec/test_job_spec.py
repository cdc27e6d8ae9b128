import json

import pytest
from pydantic import ValidationError

from arraymill.jobs.spec.job_spec import JobSpec, Settings


def test_least_job_has_documented_defaults():
    job = JobSpec(op="sum", inputs=["x.npy"])
    assert job.model_dump(exclude={"op", "inputs"}) == {
        "version": 1,
        "name": None,
        "params": {},
        "steps": (),
        "output": None,
        "compute": {"device": "auto", "precision": "standard", "block": "auto"},
        "memory": {"host": "70%", "device": "80%"},
        "cluster": {"kind": "auto", "workers": "auto", "gpus": None, "dashboard": False},
        "fault": {
            "retries": 3,
            "max_worker_deaths": 5,
            "on_error": "fail",
            "timeout_s": None,
            "deterministic": False,
            "hash": "sampled",
        },
        "verify": None,
    }


@pytest.mark.parametrize("inputs", ["x.npy", ["x.npy"], {"0": "x.npy"}, {"0": {"path": "x.npy"}}])
def test_inputs_have_short_forms(inputs):
    assert JobSpec(op="sum", inputs=inputs).inputs["0"].path == "x.npy"


def test_output_has_a_short_form():
    assert JobSpec(op="sum", output="y.npy") == JobSpec(op="sum", output={"path": "y.npy"})


def test_home_is_expanded_and_variables_are_not(monkeypatch):
    monkeypatch.setenv("HOME", "/home/ada")
    job = JobSpec(op="matmul", inputs=["~/a.npy", "$HOME/b.npy"])
    assert [entry.path for entry in job.inputs.values()] == ["/home/ada/a.npy", "$HOME/b.npy"]


def test_job_is_frozen():
    job = JobSpec(op="sum")
    with pytest.raises(ValidationError):
        job.op = "mean"


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "a b"},
        {"name": ""},
        {"name": ".hidden"},
        {"name": "x" * 65},
        {"name": "a\n"},
        {"name": 3},
        {"version": 2},
        {"op": ""},
        {"inputs": {"x": ""}},
        {"inputs": {"x": "a\0b"}},
        {"inputs": {"x": {"path": []}}},
        {"inputs": {"x": {"path": "x.npy", "select": "a"}}},
        {"output": {"path": "y.npy", "if_exists": "append"}},
        {"compute": {"device": "gpu"}},
        {"compute": {"precision": "double"}},
        {"memory": {"host": "70G"}},
        {"memory": {"host": 0.7}},
        {"cluster": {"kind": "slurm"}},
        {"cluster": {"workers": 0}},
        {"cluster": {"workers": True}},
        {"cluster": {"workers": "two"}},
        {"cluster": {"gpus": []}},
        {"cluster": {"gpus": 0}},
        {"cluster": {"gpus": [""]}},
        {"cluster": {"dashboard": "no"}},
        {"fault": {"retries": -1}},
        {"fault": {"retries": 11}},
        {"fault": {"retries": True}},
        {"fault": {"on_error": "ignore"}},
        {"fault": {"timeout_s": 0}},
        {"fault": {"hash": "md5"}},
        {"verify": {"sample": 0}},
        {"verify": {"sample": "many"}},
        {"verify": {"samples": 8}},
    ],
    ids=str,
)
def test_wrong_fields_are_refused(fields):
    with pytest.raises(ValidationError):
        JobSpec(**({"op": "sum", "inputs": ["x.npy"]} | fields))


@pytest.mark.parametrize(
    ("compute", "cluster"),
    [
        ({"device": "cpu"}, {"kind": "cuda"}),
        ({"device": "cuda"}, {"kind": "local"}),
        ({"device": "cpu"}, {"gpus": 1}),
        ({}, {"kind": "local", "gpus": ["GPU-1"]}),
    ],
)
def test_settings_that_contradict_each_other_are_refused(compute, cluster):
    with pytest.raises(ValidationError, match=r"cluster|cpu"):
        Settings(compute=compute, cluster=cluster)


def test_schema_describes_every_field():
    schema = JobSpec.model_json_schema()
    json.dumps(schema)
    sections = [schema, *schema["$defs"].values()]
    assert all(section["additionalProperties"] is False for section in sections)
    assert set(schema["properties"]) == set(JobSpec.model_fields)
    leaves = [field for section in schema["$defs"].values() for field in section["properties"].values()]
    assert all("description" in field for field in leaves)


def test_a_parameter_that_is_no_finite_number_is_written_as_it_is():
    written = JobSpec(op="norm", params={"ord": float("inf")}).model_dump(mode="json")
    assert written["params"] == {"ord": float("inf")}
