"""Facts of operations: NumPy is asked, its refusals become errors of ours, and every entry is whole."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from in_process_jobs import plan_arrays
from operation_cases import case_of
from pydantic import ValidationError

from arraymill.jobs.errors import SpecError
from arraymill.jobs.operations import OPERATIONS, Params
from arraymill.jobs.operations.operation import ask_numpy
from arraymill.jobs.plans.chain_plan import ChainPlan
from arraymill.jobs.stages.shapes import ConstantStage


def test_numpys_refusal_keeps_its_words() -> None:
    with pytest.raises(SpecError, match="max: zero-size array to reduction operation maximum") as caught:
        ask_numpy(lambda arrays, params: np.max(arrays[0]), [np.zeros(0)], Params(), what="max")
    assert isinstance(caught.value.__cause__, ValueError)


def test_numpys_warnings_are_not_ours() -> None:
    assert np.isnan(ask_numpy(lambda arrays, params: np.mean(arrays[0]), [np.zeros(0)], Params(), what="mean"))


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_entry_is_whole(name: str) -> None:
    operation = OPERATIONS[name]
    assert operation.name == name
    assert operation.summary[0].isupper()
    assert not operation.summary.endswith(".")
    assert all(field.description for field in operation.params.model_fields.values())


@pytest.mark.parametrize("name", OPERATIONS)
def test_unknown_parameters_are_refused(name: str) -> None:
    with pytest.raises(ValidationError, match="axes_of_evil"):
        OPERATIONS[name].params.model_validate({"axes_of_evil": 1, "expr": "x"})


@pytest.mark.parametrize("name", [name for name in OPERATIONS if name != "apply"])
def test_kernels_travel(name: str) -> None:
    arrays, params = case_of(name)
    plan = plan_arrays(name, arrays, params)
    plans = [step.plan for step in plan.steps] if isinstance(plan, ChainPlan) else [plan]
    for stage in [one.stage for one in plans if not isinstance(one.stage, ConstantStage)]:
        assert pickle.loads(pickle.dumps(stage)) == stage
