import pytest

from arraymill.jobs.errors import SpecError
from arraymill.jobs.spec.job_spec import JobSpec
from arraymill.jobs.spec.load import apply_overrides, load_spec, load_spec_file, ordered_inputs

WHOLE = """\
version: 1
name: covariance-2026-11
op: cov
inputs:
  x: {path: data/x.npy}
params: {rowvar: false, tolerance: 1e-3}
output: {path: out/c.npy, if_exists: error}
compute: {device: auto, precision: standard}
memory: {host: 70%, device: 80%}
cluster: {kind: auto, workers: auto}
fault: {retries: 3, max_worker_deaths: 5}
"""


def test_documented_job_file_is_read(tmp_path):
    path = tmp_path / "job.yaml"
    path.write_text(WHOLE, encoding="utf-8")
    job = load_spec_file(path)
    assert job.inputs["x"].path == "data/x.npy"
    assert job.params == {"rowvar": False, "tolerance": 0.001}


def test_overrides_win_and_leave_the_rest():
    job = apply_overrides(
        load_spec(WHOLE, "job.yaml"), ["compute.precision=fast", "params.ddof=1", "output.path=b.npy"]
    )
    assert job.compute.precision == "fast"
    assert job.params == {"rowvar": False, "tolerance": 0.001, "ddof": 1}
    assert job.output.path == "b.npy"


@pytest.mark.parametrize(
    ("setting", "params"),
    [("params.axis=[0, 1]", {"axis": [0, 1]}), ("params.a='1'", {"a": "1"}), ("params.a=x=y", {"a": "x=y"})],
)
def test_override_values_are_yaml(setting, params):
    assert apply_overrides(JobSpec(op="sum"), [setting]).params == params


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("precision", "not of the form KEY=VALUE"),
        ("=fast", "not of the form"),
        ("compute..device=cpu", "not of the form"),
        ("compute.precison=fast", "--set compute.precison=fast: compute.precison is no field; did you mean precision?"),
        ("cluster.dashboard=yes", "write true"),
        ("params.a=[1", "not YAML"),
    ],
)
def test_wrong_overrides_name_themselves(setting, said):
    with pytest.raises(SpecError) as caught:
        apply_overrides(JobSpec(op="sum"), [setting])
    assert said in str(caught.value)
    assert setting in str(caught.value)


def test_inputs_by_name_come_in_the_operations_order():
    job = JobSpec(op="matmul", inputs={"b": "b.npy", "a": "a.npy"})
    assert [entry.path for entry in ordered_inputs(job, ("a", "b"))] == ["a.npy", "b.npy"]


def test_variadic_inputs_come_as_they_stand():
    job = JobSpec(op="map", inputs=["1.npy", "2.npy", "3.npy"])
    assert [entry.path for entry in ordered_inputs(job, ("x",), variadic=True)] == ["1.npy", "2.npy", "3.npy"]


@pytest.mark.parametrize("inputs", [[], ["a.npy"], ["a.npy", "b.npy", "c.npy"], {"a": "a.npy"}])
def test_wrong_number_of_inputs_is_refused(inputs):
    with pytest.raises(SpecError, match=r"matmul takes 2 inputs \(a and b\)"):
        ordered_inputs(JobSpec(op="matmul", inputs=inputs), ("a", "b"))


def test_unknown_input_is_refused():
    with pytest.raises(SpecError, match="no input named 'bb'"):
        ordered_inputs(JobSpec(op="matmul", inputs={"a": "a.npy", "bb": "b.npy"}), ("a", "b"))
