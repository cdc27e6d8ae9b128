import json

import click
import numpy as np
import pytest
from stored_jobs import START_S, hold_job, store_job

from arraymill.jobs.api.stored.resumption import Assessment
from arraymill.jobs.cli.explain import explain_record, explain_text
from arraymill.jobs.cli.job_view import view_job
from arraymill.jobs.errors import InputChangedError
from arraymill.jobs.store import JobState, list_jobs, read_state, write_state

pytestmark = pytest.mark.usefixtures("home")

CHANGE = "input x.npy changed: mtime, content of block 1"
REFUSAL = InputChangedError("what the job stands on has changed since it began", cause=CHANGE, next="put it back")
CHANGED = Assessment(
    n_blocks=8,
    done=frozenset({0, 2}),
    stale={1: CHANGE},
    missing=frozenset({3, 4, 5, 7}),
    changes=(CHANGE, "numpy was 2.1, is 2.2"),
    refusal=REFUSAL,
    why="6 of 8 blocks run: 4 blocks were never done, 1 may be stale",
)


def text_of(folder, assessment=None, problem=None):
    return click.unstyle(explain_text(view_job(folder), assessment, problem, START_S + 60.0))


def test_a_pending_job_says_what_it_waits_for(call):
    with hold_job("PENDING", reason="cpu is used by job kbdm3xqa (pid 7)") as lock:
        result = call("explain", lock.folder.id)
    assert "because cpu is used by job kbdm3xqa (pid 7)" in result.stdout
    assert result.exit_code == 0


def test_what_would_run_again_comes_with_its_reason():
    folder = store_job("INTERRUPTED", n_done=3, ended_s=START_S + 20.0)
    assert text_of(folder, CHANGED).splitlines()[1:] == [
        "  status   INTERRUPTED 40 s ago after 20.0 s",
        "  done     2 of 8 blocks",
        "  missing  4 blocks: 3-5, 7",
        f"  stale    block 1 since {CHANGE}",
        "  changed  numpy was 2.1, is 2.2",
        "  resume   6 of 8 blocks run: 4 blocks were never done, 1 may be stale",
        "           refused unless --accept-changed: what the job stands on has changed since it began",
        f"  next     put back what changed, or arraymill resume {folder.id} --accept-changed",
    ]


def test_a_failed_job_names_its_blocks():
    error = {"id": "block-failed", "what": "block 5 of 8 failed 3 times", "cause": "OSError: bad disk"}
    events = [{"kind": "failed", "block": 5, "message": "OSError"}, {"kind": "hole", "block": 6}]
    folder = store_job("FAILED", n_done=3, events=events, error=error)
    text = text_of(folder)
    assert "FAILED, last heard of 0 s ago: block 5 of 8 failed 3 times" in text
    assert "cause    OSError: bad disk" in text
    assert "failed   block 5" in text
    assert "skipped  block 6" in text
    assert f"next     arraymill explain {folder.id} --block 5" in text


def test_a_block_that_was_done_later_has_not_failed():
    folder = store_job("FAILED", n_done=3, events=[{"kind": "failed", "block": 2}])
    assert explain_record(view_job(folder), None, None)["failed_blocks"] == []


def test_an_input_that_is_gone_is_said():
    gone = InputChangedError("x.npy: is gone", cause="No such file", next="put it back")
    text = text_of(store_job("INTERRUPTED", n_done=3), None, gone)
    assert "resume  cannot: x.npy: is gone" in text
    assert "next    put it back" in text


def test_the_document_is_json():
    record = explain_record(view_job(store_job("INTERRUPTED", n_done=3)), CHANGED, None)
    document = json.loads(json.dumps(record))
    assert (document["schema"], document["resume"]["missing"]) == (1, [3, 4, 5, 7])
    assert document["resume"]["stale"] == {"1": CHANGE}


@pytest.fixture
def interrupted(call):
    """A real job of two blocks whose driver seems to have been killed, with one of them done."""
    np.save("x.npy", np.ones((4, 300), np.float32))
    result = call("run", "map", "x.npy", "--expr", "x + 1", "-o", "y.npy", "--set", "compute.block=2400B")
    assert result.exit_code == 0, result.output
    (folder,) = list_jobs()
    write_state(folder, JobState("RUNNING", op="map", output=read_state(folder).output, created_s=START_S))
    return folder


def test_a_real_job_is_assessed(call, interrupted):
    result = call("explain", interrupted.id)
    assert result.exit_code == 0, result.output
    assert "INTERRUPTED" in result.stdout
    assert json.loads(call("explain", interrupted.id, "--json").stdout)["resume"] is not None


def test_a_block_says_what_it_reads_and_what_happened(call, interrupted):
    result = call("explain", interrupted.id, "--block", "1")
    assert result.exit_code == 0, result.output
    assert "status   done" in result.stdout
    assert "rows 2:4 of " in result.stdout
    assert "history  done      attempt 1" in result.stdout
    document = json.loads(call("explain", interrupted.id, "--block", "1", "--json").stdout)
    assert (document["schema"], document["standing"]) == (1, "done")


def test_a_block_that_is_not_there_is_refused(call, interrupted):
    result = call("explain", interrupted.id, "--block", "2")
    assert result.exit_code == 2
    assert "its blocks are 0 to 1" in result.stderr


def test_a_job_without_a_plan_has_no_blocks(call):
    assert "its plan is not made" in call("explain", store_job("CANCELLED").id, "--block", "0").stderr


def test_a_job_folder_without_a_job_is_explained(call):
    result = call("explain", store_job("RUNNING", n_done=3).id)
    assert result.exit_code == 0, result.output
    assert "says nowhere what it is" in result.stdout


def test_a_block_of_inputs_that_are_gone_is_explained(call):
    events = [{"kind": "retry", "block": 5, "why": "io"}, {"kind": "failed", "block": 5, "message": "OSError"}]
    folder = store_job("FAILED", n_done=3, events=events)
    result = call("explain", folder.id, "--block", "5")
    assert result.exit_code == 0, result.output
    assert "status   failed" in result.stdout
    assert "reads    not known" in result.stdout
