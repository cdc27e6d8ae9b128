import json

import click
import pytest
from stored_jobs import hold_job, store_job

from arraymill.jobs.cli.failures import Failure
from arraymill.jobs.cli.wait import follow_job, leaving_alone, wait_for
from arraymill.jobs.errors import WaitTimeoutError
from arraymill.jobs.store import JobState, write_state

pytestmark = pytest.mark.usefixtures("home")


def test_jobs_that_have_ended_are_not_waited_for(call):
    result = call("wait", store_job("DONE", exit_code=0).id, store_job("DONE", exit_code=0).id)
    assert (result.exit_code, result.stdout) == (0, "")


@pytest.mark.parametrize(("status", "code"), [("FAILED", 1), ("CANCELLED", 4), ("RUNNING", 75)])
def test_the_exit_code_is_that_of_the_job(call, status, code):
    assert call("wait", store_job(status).id).exit_code == code


def test_the_first_that_failed_in_the_order_given_decides(call):
    jobs = [store_job(status).id for status in ("DONE", "CANCELLED", "FAILED")]
    result = call("wait", *jobs)
    assert result.exit_code == 4
    assert jobs[1] in result.stderr
    assert jobs[2] in result.stderr


def test_skipped_blocks_leave_with_7(call):
    error = {"id": "skipped-blocks", "what": "1 of 8 blocks failed and were skipped: 3"}
    result = call("wait", store_job("DONE", exit_code=7, error=error).id)
    assert result.exit_code == 7
    assert "error[skipped-blocks]" in result.stderr


def test_a_timeout_names_who_still_runs(call):
    done = store_job("DONE")
    with hold_job("RUNNING") as lock:
        result = call("wait", done.id, lock.folder.id, "--timeout", "0")
    assert result.exit_code == 5
    assert f"not ended after 0 ms: {lock.folder.id}" in result.stderr


@pytest.mark.parametrize("timeout", ["soon", "-1", "1y"])
def test_a_timeout_is_a_duration(call, timeout):
    assert call("wait", store_job("DONE").id, "--timeout", timeout).exit_code == 2


def test_json(call):
    folder = store_job("CANCELLED")
    document = json.loads(call("wait", folder.id, "--json").stdout)
    assert document == {"schema": 1, "jobs": [{"id": folder.id, "status": "CANCELLED", "exit_code": 4}]}


def test_a_job_is_waited_for_until_its_state_is_final():
    with hold_job("RUNNING") as lock:
        looks = iter(["FINISHING", "DONE"])
        states = wait_for([lock.folder], sleep=lambda seconds: write_state(lock.folder, JobState(next(looks))))
    assert states[lock.folder.id].status == "DONE"


def test_time_runs_out():
    times = iter(range(100))
    with hold_job("RUNNING") as lock, pytest.raises(WaitTimeoutError, match=lock.folder.id):
        wait_for([lock.folder], 3.0, clock=lambda: next(times), sleep=lambda seconds: None)


def test_following_shows_the_log_and_gives_the_code(capsys):
    folder = store_job("CANCELLED", log="one\ntwo\n")
    assert follow_job(folder) == 4
    assert capsys.readouterr().err == "one\ntwo\n"


def test_ctrl_c_says_that_the_jobs_go_on():
    with pytest.raises(Failure) as caught, click.Context(click.Command("x")), leaving_alone(["a", "b"]):
        raise KeyboardInterrupt
    assert caught.value.exit_code == 130
    assert caught.value.parts["safe"] == "jobs a, b go on"
