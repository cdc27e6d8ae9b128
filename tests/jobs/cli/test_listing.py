import json

import click
import pytest
from stored_jobs import START_S, hold_job, store_job

from arraymill.jobs.cli.listing import job_table
from arraymill.jobs.store import JobState

pytestmark = pytest.mark.usefixtures("home")


def ids_of(result):
    return [line.split()[0] for line in result.stdout.splitlines()[1:]]


def test_nothing_is_no_line_and_a_hint(call):
    result = call("list")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "no jobs yet" in result.stderr


def test_active_jobs_come_first_then_the_newest(call):
    old = store_job("DONE", created_s=START_S)
    new = store_job("FAILED", created_s=START_S + 2)
    with hold_job("RUNNING", created_s=START_S + 1) as lock:
        assert ids_of(call("list")) == [lock.folder.id, new.id, old.id]


def test_a_job_that_nobody_works_on_is_interrupted(call):
    store_job("RUNNING")
    assert "INTERRUPTED" in call("list").stdout


def test_a_job_that_was_killed_while_it_was_created_has_no_age(call):
    folder = store_job("DONE")
    folder.state.unlink()
    assert call("list").stdout.splitlines()[1].split() == [folder.id, "?", "INTERRUPTED", "-", "-", "-", "-"]


def test_the_table_is_aligned():
    folder = store_job("DONE")
    states = [
        JobState("RUNNING", created_s=0.0, started_s=10.0, n_blocks=8, n_done=2, op="sum", output="/out/y.npy"),
        JobState("PENDING", created_s=30.0, name="a-long-name", op="sum"),
    ]
    lines = click.unstyle(job_table([(folder, state) for state in states], 75.0)).splitlines()
    assert lines == [
        "id        name         status   done  age    took       output",
        f"{folder.id}  sum          RUNNING  25 %  1 min  1 min 5 s  /out/y.npy",
        f"{folder.id}  a-long-name  PENDING  -     45 s   -          -",
    ]


def test_a_long_list_is_cut_and_says_so(call):
    jobs = [store_job("DONE", created_s=START_S + n).id for n in range(22)]
    result = call("list")
    assert ids_of(result) == jobs[:1:-1]
    assert "2 more: --all shows them" in result.stderr
    assert len(ids_of(call("list", "--all"))) == 22
    assert ids_of(call("list", "--limit", "1")) == [jobs[-1]]


def test_json(call):
    folder = store_job("DONE", n_done=8, name="mine", output="/out/y.npy", exit_code=0)
    document = json.loads(call("list", "--json").stdout)
    assert (document["schema"], document["n_jobs"]) == (1, 1)
    job = document["jobs"][0]
    assert (job["id"], job["name"], job["status"], job["n_done"]) == (folder.id, "mine", "DONE", 8)


def test_names_cannot_steer_the_terminal(call):
    store_job("DONE", name="a\x1b[2J", output="/out/\x1b[2J.npy")
    assert "\x1b" not in call("list").stdout
