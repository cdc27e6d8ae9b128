import pytest
from stored_jobs import block_record, plan_document

from arraymill.jobs.engine import BlockRecord
from arraymill.jobs.report.subject import array_rows, moment_rows, parameter_rows, step_rows
from arraymill.jobs.store import JobState, Settled


def header(*shape, dtype="<f4", order="C"):
    return {"name": "x.npy", "shape": list(shape), "dtype": dtype, "order": order, "nbytes": 48}


def test_an_output_that_is_kept_with_the_job_is_said_so():
    rows = array_rows(plan_document(), None)
    assert [(row.role, row.where) for row in rows] == [("input", "x.npy"), ("output", "kept with the job")]


def test_several_arrays_are_told_apart():
    plan = plan_document(
        inputs=[header(4, 3), header(3)],
        outputs=[["u", "left"], ["s", "middle"]],
        steps=[{"name": "left", "output": header(4, 2, order="F")}, {"name": "middle", "output": header()}],
    )
    assert [(row.role, row.where, row.shape, row.dtype) for row in array_rows(plan, "/out/u.npy")] == [
        ("input 1", "x.npy", "4 x 3", "float32"),
        ("input 2", "x.npy", "3", "float32"),
        ("output u", "/out/u.npy", "4 x 2", "float32, F order"),
        ("output s", "/out/u.s.npy", "scalar", "float32"),
    ]


def test_a_dtype_of_another_version_is_shown_as_it_is():
    assert array_rows(plan_document(inputs=[header(3, dtype="float6")]), None)[0].dtype == "float6"


def test_parameters_are_shown_as_they_are_written():
    plan = plan_document(params={"expression": "x + 1", "axis": [0, 1], "dtype": None, "keepdims": True})
    assert parameter_rows(plan) == (("expression", "x + 1"), ("axis", "[0, 1]"), ("keepdims", "true"))


@pytest.mark.parametrize("moment", [1e300, -1e300, float("nan")])
def test_a_moment_outside_of_the_calendar_is_left_out(moment):
    assert moment_rows(JobState("DONE", created_s=0.0, started_s=moment, ended_s=60.0)) == (
        ("ended", "1970-01-01 00:01:00 UTC"),
    )


def test_a_job_of_one_step_has_no_table_of_steps():
    assert step_rows(plan_document(), Settled(), {}) == ()


def test_steps_have_their_own_blocks():
    named = [("mean", "mean", 2), ("cov", "gram", 3)]
    plan = plan_document(steps=[{"name": name, "operation": op, "n_blocks": n} for name, op, n in named])
    done = {block: block_record(block) | {"step": "mean" if block < 2 else "cov"} for block in range(3)}
    records = {block: BlockRecord.from_json(record) for block, record in done.items()}
    assert step_rows(plan, Settled(done=done), records)[1:] == (
        ("mean", "mean", "2 of 2", "2.0 s", "1.60 MB", "160 kB"),
        ("cov", "gram", "1 of 3", "1.0 s", "800 kB", "80.0 kB"),
    )
