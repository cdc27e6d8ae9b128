"""Facts of the tables and documents of plans of several steps."""

from __future__ import annotations

import json

import numpy as np
from chained_operations import SCALED
from in_process_jobs import ROOMY

from arraymill.jobs.cli.chain_view import job_plan_record, job_plan_table
from arraymill.jobs.headers import ArrayHeader
from arraymill.jobs.operations import OPERATIONS
from arraymill.jobs.plans.chains import plan_chain
from arraymill.jobs.plans.placement import Place
from arraymill.jobs.plans.planning import plan_job
from arraymill.jobs.spec.job_spec import OutputSpec

X = ArrayHeader("x.npy", (1000, 5), np.dtype("f4"))
PLACE = Place("inline", "cpu", "as asked")
PLAN = plan_chain(SCALED, [X], {}, budget=ROOMY)


def test_every_output_and_every_step_has_a_line() -> None:
    table = job_plan_table(PLAN, PLACE, OutputSpec(path="y.h5"))
    lines = [" ".join(line.split()) for line in table.splitlines()]
    assert "output scaled y.h5 (1000, 5) float32, 20.0 kB" in lines
    assert "output std y.std.h5 (5,) float32, 20 B" in lines
    assert "centered.rest copy, centered.mean in quotient (1000, 5) float32" in lines
    assert any(line.startswith("quotient centered.rest, std 1 (1000, 5) float32") for line in lines)


def test_the_document_has_the_documents_of_the_steps() -> None:
    document = json.loads(json.dumps(job_plan_record(PLAN, PLACE)))
    assert (document["schema"], document["operation"], document["n_blocks"]) == (1, "scaled", PLAN.n_blocks)
    last = document["steps"][-1]
    assert (last["name"], last["reads"][1]) == ("quotient", "std")
    assert last["reads"][0] == {"name": "centered.rest", "reads": ["copy", "centered.mean"], "params": {
        "expr": "x - y", "dtype": None, "names": [],
    }}  # fmt: skip
    assert list(document["outputs"]) == ["scaled", "mean", "std"]


def test_a_plan_of_one_stage_is_shown_as_ever() -> None:
    plan = plan_job(OPERATIONS["sum"], [X], {}, budget=ROOMY)
    assert job_plan_table(plan, PLACE, None).startswith("plan of sum\n")
    assert "stage" in job_plan_record(plan, PLACE)
