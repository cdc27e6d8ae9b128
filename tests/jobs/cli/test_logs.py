import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from stored_jobs import hold_job, store_job

SCRIPT = str(Path(sys.executable).with_name("arraymill"))

pytestmark = pytest.mark.usefixtures("home")


def test_the_log_of_the_driver(call):
    folder = store_job("DONE", log="one\ntwo\nthree\n")
    assert call("logs", folder.id).stdout == "one\ntwo\nthree\n"
    assert call("logs", folder.id, "--tail", "1").stdout == "three\n"


def test_a_job_without_a_log_says_so(call):
    result = call("logs", store_job("DONE").id)
    assert (result.exit_code, result.stdout) == (0, "")
    assert "it ran in a terminal" in result.stderr


def test_the_log_of_a_worker(call):
    folder = store_job("DONE", log="driver\n")
    (folder.workers / "cpu0.log").write_text("worker\n")
    assert call("logs", folder.id, "--worker", "cpu0").stdout == "worker\n"
    assert "--worker cpu0" in call("logs", folder.id).stderr


def test_an_unknown_worker_is_refused_with_the_known_ones(call):
    folder = store_job("DONE")
    (folder.workers / "cpu0.log").write_text("worker\n")
    result = call("logs", folder.id, "--worker", "../../x")
    assert result.exit_code == 2
    assert "workers: cpu0" in result.stderr


def test_following_a_job_that_is_over_ends(call):
    folder = store_job("FAILED", log="one\ntwo\n")
    result = call("logs", folder.id, "-f", "--tail", "1")
    assert (result.exit_code, result.stdout) == (0, "two\n")


def test_without_follow_a_running_job_is_not_waited_for(call):
    with hold_job("RUNNING", log="one\n") as lock:
        assert call("logs", lock.folder.id).stdout == "one\n"


def test_what_is_recorded_of_a_block(call):
    events = [{"kind": "retry", "block": 9, "why": "io", "message": "OSError: busy"}, {"kind": "retry", "block": 1}]
    folder = store_job("DONE", n_done=3, events=events)
    assert call("logs", folder.id, "--block", "2").stdout.startswith("done      attempt 1 in 1.0 s by process 4242")
    assert "why io, message OSError: busy" in call("logs", folder.id, "--block", "9").stdout
    assert "nothing is recorded of block 7" in call("logs", folder.id, "--block", "7").stderr


def test_json(call):
    folder = store_job("DONE", n_done=3, log="one\n")
    assert json.loads(call("logs", folder.id, "--json").stdout)["lines"] == ["one"]
    document = json.loads(call("logs", folder.id, "--block", "2", "--json").stdout)
    assert (document["schema"], document["block"], document["events"][0]["kind"]) == (1, 2, "block")


@pytest.mark.parametrize("others", [["--json"], ["--block", "1"]])
def test_follow_goes_with_text_alone(call, others):
    assert call("logs", store_job("DONE").id, "-f", *others).exit_code == 2


def test_ctrl_c_leaves_the_job_alone(home):
    with hold_job("RUNNING", log="one\n") as lock:
        process = subprocess.Popen(
            [SCRIPT, "logs", lock.folder.id, "-f"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
        )
        try:
            # its line shows that it follows
            assert process.stdout.readline() == "one\n"
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=120)
        finally:
            process.kill()
            process.communicate()
    assert process.returncode == 130
    assert f"job {lock.folder.id} goes on" in errors
