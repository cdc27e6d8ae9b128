"""Facts of the plans of operations of several steps."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from chained_operations import MAP, MEAN, SCALED, chained
from in_process_jobs import ROOMY, run_chain_plan

from arraymill.jobs.errors import CannotFitError, SpecError
from arraymill.jobs.headers import ArrayHeader
from arraymill.jobs.limits import Budget
from arraymill.jobs.operations import OPERATIONS, Operation
from arraymill.jobs.operations.chain import Step
from arraymill.jobs.operations.pipeline import pipeline
from arraymill.jobs.plans.chain_plan import ChainPlan
from arraymill.jobs.plans.chains import plan_chain, plan_operation
from arraymill.jobs.plans.planning import Plan

X = np.arange(24.0).reshape(6, 4)


def planned(operation: Operation, **settings: Any) -> ChainPlan:
    return plan_chain(operation, [ArrayHeader("x.npy", X.shape, X.dtype)], {}, budget=ROOMY, **settings)


def test_steps_within_steps_come_one_after_another() -> None:
    plan = planned(SCALED)
    assert [(step.name, step.inputs, step.arrays) for step in plan.steps] == [
        ("copy", ("x",), ("x",)),
        ("centered.mean", ("copy",), ("copy",)),
        ("std", ("copy",), ("copy",)),
        ("quotient", ("centered.rest", "std"), ("copy", "centered.mean", "std")),
    ]
    assert plan.steps[3].fused["centered.rest"].inputs == ("copy", "centered.mean")
    assert plan.outputs == (("scaled", "quotient"), ("mean", "centered.mean"), ("std", "std"))
    assert (plan.output.shape, plan.header_of("mean").shape) == ((6, 4), (4,))
    assert plan.notes == ("of centered", "of scaled")


def test_outputs_are_those_of_numpy() -> None:
    made = run_chain_plan(planned(SCALED), [X])
    assert list(made) == ["scaled", "mean", "std"]
    np.testing.assert_array_equal(made["scaled"], (X - X.mean(0)) / X.std(0))
    np.testing.assert_array_equal(made["mean"], X.mean(0))


def test_what_no_output_is_made_of_is_not_computed() -> None:
    svd = OPERATIONS["svd"]
    alone = chained("alone", Step("svd", svd, ("x",)), Step("mean", MEAN, ("svd.s",)), outputs=(("mean", "mean"),))
    plan = planned(alone)
    assert [step.name for step in plan.steps] == ["svd.solved", "svd.s", "mean"]
    np.testing.assert_allclose(run_chain_plan(plan, [X])["mean"], np.linalg.svd(X)[1].mean())
    wrong = Step("unread", MEAN, ("x",), {"axis": 7})
    with pytest.raises(SpecError):
        planned(chained("wrong", wrong, Step("mean", MEAN, ("x",)), outputs=(("mean", "mean"),)))


def test_a_step_of_a_user_that_nothing_reads_is_said() -> None:
    steps = [
        Step("mean", MEAN, ("x",)),
        Step("svd", OPERATIONS["svd"], ("x",)),
        Step("log", MAP, ("svd.s",), {"expr": "log(x)"}),
    ]
    plan = planned(pipeline(steps, ["x"]))
    assert plan.notes == ("step mean is not run: no output is made of it",)


def test_a_plan_of_steps_answers_for_all_of_them() -> None:
    plan = planned(SCALED, block_bytes=64)
    plans = [step.plan for step in plan.steps]
    assert plan.n_blocks == sum(one.n_blocks for one in plans) > 4
    first, second, *_, last = (one.n_blocks for one in plans)
    assert plan.offsets == (0, first, first + second, plan.n_blocks - last)
    assert plan.predicted_s == pytest.approx(sum(one.predicted_s for one in plans))
    assert plan.task_host_bytes == max(one.task_host_bytes for one in plans)
    assert plan.read_bytes >= 4 * X.nbytes
    assert plan.output_bytes == X.nbytes + 64


def test_an_operation_of_one_stage_has_an_ordinary_plan() -> None:
    header = ArrayHeader("x.npy", X.shape, X.dtype)
    assert isinstance(plan_operation(MEAN, [header], {}, budget=ROOMY), Plan)
    assert isinstance(plan_operation(SCALED, [header], {}, budget=ROOMY), ChainPlan)


def test_what_a_step_refuses_is_refused_before_any_runs() -> None:
    wrong = chained("wrong", Step("mean", MEAN, ("x",), {"axis": 7}), outputs=(("mean", "mean"),))
    with pytest.raises(SpecError) as caught:
        planned(wrong)
    assert caught.value.safe == "nothing was read or written"
    with pytest.raises(SpecError, match="takes 1 input"):
        plan_chain(SCALED, [], {}, budget=ROOMY)


def test_a_step_that_cannot_fit_is_told() -> None:
    square = ArrayHeader("x.npy", (20_000, 20_000), np.dtype("f8"))
    tall = chained("tall", Step("gram", OPERATIONS["gram"], ("x",)), outputs=(("gram", "gram"),))
    with pytest.raises(CannotFitError):
        plan_chain(tall, [square], {}, budget=Budget(64 << 20))
