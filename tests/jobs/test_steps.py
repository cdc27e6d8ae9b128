"""Facts of jobs whose file has steps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from arraymill.jobs import run
from arraymill.jobs.api import plan_spec, run_spec
from arraymill.jobs.cli.request import check_job
from arraymill.jobs.errors import SpecError
from arraymill.jobs.plans.chain_plan import ChainPlan
from arraymill.jobs.spec.job_spec import JobSpec
from arraymill.jobs.spec.load import load_spec
from arraymill.jobs.spec.write import format_yaml
from arraymill.jobs.spec.yaml import parse_yaml

X = np.random.default_rng(2).standard_normal((500, 6))

COVARIANCE = """
version: 1
inputs: {data: x.npy, weights: w.npy}
steps:
  - {op: map, inputs: [data, weights], params: {expr: "log(abs(x) + 1) * y"}}
  - {op: cov, params: {rowvar: false}}
  - {op: map, name: scaled, params: {expr: "x / 2"}}
output: c.npy
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    np.save("x.npy", X)
    np.save("w.npy", np.arange(6.0))
    return tmp_path


def test_a_file_of_steps_is_run(folder: Path) -> None:
    spec = check_job(parse_yaml(COVARIANCE, "job.yaml"))
    plan = plan_spec(spec)
    assert isinstance(plan, ChainPlan)
    # the first is computed where cov reads it
    assert [step.name for step in plan.steps] == ["cov", "scaled"]
    run_spec(spec)
    expected = np.cov(np.log(abs(X) + 1) * np.arange(6.0), rowvar=False) / 2
    np.testing.assert_allclose(np.load("c.npy"), expected, rtol=1e-12, atol=1e-15)
    assert load_spec(format_yaml(spec.model_dump(mode="json", exclude_none=True)), "again") == spec


def test_steps_of_python(folder: Path) -> None:
    steps = [("map", {"expr": "x * 2"}), {"op": "sum", "params": {"axis": 0}}]
    np.testing.assert_allclose(run(steps, X), 2 * X.sum(0))
    assert run(steps, "x.npy", output="s.npy") == Path("s.npy")
    np.testing.assert_allclose(run([("gram", {}), ("map", {"expr": "x + 1"})], X), X.T @ X + 1)


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({"steps": [{"op": "summ"}]}, "no operation is called 'summ'; did you mean sum?"),
        ({"steps": [{"op": "sum", "params": {"axs": 0}}]}, "steps.0.params.axs"),
        ({"steps": [{"op": "sum", "inputs": ["y"]}]}, "step sum reads 'y', which is not there"),
        ({"op": "sum", "steps": [{"op": "sum"}]}, "op (sum) or steps, not both"),
        ({"steps": [{"op": "sum"}], "params": {"axis": 0}}, "give them to the steps"),
        ({"steps": [{"op": "sum", "axis": 0}]}, "steps.0.axis"),
        ({"steps": []}, "op"),
    ],
)
def test_what_is_wrong_with_steps_is_told(document: dict[str, Any], said: str) -> None:
    text = format_yaml({"version": 1, "inputs": ["x.npy"], **document})
    with pytest.raises(SpecError) as caught:
        check_job(parse_yaml(text, "job.yaml"))
    assert said in str(caught.value)


def test_what_a_step_cannot_do_is_told_before_work_starts(folder: Path) -> None:
    steps = [{"op": "sum", "params": {"axis": 0}}, {"op": "gram", "inputs": ["sum.q"]}]
    spec = JobSpec.model_validate({"steps": steps, "inputs": ["x.npy"]})
    with pytest.raises(SpecError, match=r"sum\.q"):
        run_spec(spec)
