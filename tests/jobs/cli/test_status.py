import json

import click
import pytest
from stored_jobs import START_S, hold_job, store_job

from arraymill.jobs.cli.job_view import view_job
from arraymill.jobs.cli.status import status_text

pytestmark = pytest.mark.usefixtures("home")


def text_of(folder, now_s=START_S + 60.0):
    return click.unstyle(status_text(view_job(folder), now_s))


def test_a_pending_job_says_why():
    with hold_job("PENDING", reason="behind job kbdm3xqa, which wants cpu") as lock:
        text = text_of(lock.folder)
    assert "PENDING for 1 min 0 s because it is behind job kbdm3xqa, which wants cpu" in text
    assert f"arraymill wait {lock.folder.id}" in text


def test_a_running_job_says_how_far_it_is():
    events = [{"kind": "retry", "block": 5}, {"kind": "death", "block": 5}, {"kind": "death", "block": 6}]
    with hold_job("RUNNING", n_done=3, events=events, log="hello\n", output="/out/y.npy") as lock:
        lines = text_of(lock.folder, START_S + 5.0).splitlines()
    assert lines[0] == f"job {lock.folder.id} (map)"
    assert lines[1].startswith("  status   RUNNING for 5.0 s, in process ")
    assert lines[2:] == [
        "  blocks   3 of 8 done (37 %), 1 retry, 2 worker deaths",
        "  left     about 5.0 s",
        "  runs on  CPU, local, 1 worker (as asked)",
        "  output   /out/y.npy, once it is whole",
        f"  folder   {lock.folder.path}",
        f"  next     arraymill logs {lock.folder.id} -f",
    ]


def test_an_interrupted_job_says_why_and_how_to_go_on():
    folder = store_job("RUNNING", n_done=3, pid=4242)
    text = text_of(folder)
    assert "INTERRUPTED, last heard of 0 s ago: the process that worked on it (pid 4242) is gone" in text
    assert f"arraymill resume {folder.id}" in text


def test_a_failed_job_shows_its_error():
    error = {"id": "block-failed", "what": "block 5 of 8 failed", "cause": "bad\x1b[2J", "safe": "", "next": "look"}
    text = text_of(store_job("FAILED", n_done=3, error=error, ended_s=START_S + 20.0))
    assert "FAILED 40 s ago after 20.0 s: block 5 of 8 failed" in text
    assert "bad\\x1b[2J" in text
    assert "next     look" in text


def test_a_done_job_names_its_output_and_its_result():
    folder = store_job("DONE", n_done=8, output="/out/y.npy", ended_s=START_S + 20.0)
    text = text_of(folder)
    assert "output   /out/y.npy\n" in text
    assert f"arraymill result {folder.id}" in text


def test_the_unfinished_output_is_named():
    events = [{"kind": "output", "path": "/out/y.npy", "partial": "/out/.y.npy.partial"}]
    assert "until then it is /out/.y.npy.partial" in text_of(store_job("RUNNING", events=events, output="/out/y.npy"))


def test_a_job_is_found_by_the_beginning_of_its_id(call):
    folder = store_job("DONE", n_done=8)
    document = json.loads(call("status", folder.id[:5], "--json").stdout)
    assert (document["schema"], document["id"], document["status"]) == (1, folder.id, "DONE")
    assert (document["n_done"], document["n_blocks"], document["left_s"]) == (8, 8, None)


@pytest.mark.parametrize("command", ["status", "logs", "wait", "explain", "report", "result", "clean"])
def test_a_job_that_is_not_there_leaves_with_10(call, command):
    folder = store_job("DONE")
    # one letter of the id is wrong
    wrong = folder.id[:-1] + ("2" if folder.id[-1] != "2" else "3")
    result = call(command, wrong)
    assert result.exit_code == 10
    assert folder.id in result.stderr
