import json

import pytest
from stored_jobs import START_S, store_job

pytestmark = pytest.mark.usefixtures("home")


def test_the_receipt_of_a_job(call):
    folder = store_job("DONE", n_done=8, name="mine", ended_s=START_S + 10.0)
    result = call("report", folder.id)
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith(f"job {folder.id} (mine, map): DONE\n")
    assert "bottleneck  reading" in result.stdout
    assert result.stderr == ""


def test_a_job_that_was_stopped_has_one_so_far(call):
    result = call("report", store_job("RUNNING", n_done=3).id)
    assert "3 of 8 done" in result.stdout
    assert "this is what it took so far" in result.stderr


def test_a_job_without_a_plan_has_none(call):
    result = call("report", store_job("CANCELLED").id)
    assert result.exit_code == 1
    assert "its plan is not made" in result.stderr


def test_json(call):
    folder = store_job("DONE", n_done=8, ended_s=START_S + 10.0)
    document = json.loads(call("report", folder.id, "--json").stdout)
    assert (document["schema"], document["id"], document["eta"]) == (1, folder.id, 0.4)


def test_names_cannot_steer_the_terminal(call):
    folder = store_job("DONE", n_done=8, name="a\x1b[2J", op="\x1b[2J")
    assert "\x1b" not in call("report", folder.id).stdout
