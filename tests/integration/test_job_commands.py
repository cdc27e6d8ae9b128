"""What the commands about stored jobs say and exit with, in real processes on jobs that end in every way."""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import Any

import numpy as np
import pytest
from integration.commands import ARRAYMILL, Ended
from integration.slow_disk import SlowDisk
from integration.stored import INLINE, MAP, N_BLOCKS, Stored
from integration.test_commands import UNPRIVILEGED

FINDERS = ("status", "wait", "resume", "clean")
"""They stand for all commands: every one finds its jobs by the same function."""


def document(done: Ended) -> dict[str, Any]:
    """Return what a command with --json printed."""
    assert done.exit_code == 0, done
    found = json.loads(done.out)
    assert isinstance(found, dict)
    assert found["schema"] == 1
    return found


def test_a_job_that_is_done_is_shown_by_every_command(jobs: Stored) -> None:
    job_id = jobs.submit(*MAP, "-o", "y.npy", *INLINE, "--name", "plus-one")
    assert jobs.call("wait", job_id).exit_code == 0
    path = str(jobs.folder.path / "y.npy")
    assert jobs.call("result", job_id).out == f"{path}\n"
    found = document(jobs.call("result", job_id[:4], "--json"))
    assert (found["path"], found["shape"], found["dtype"]) == (path, [128, 128], "<f4")
    found = document(jobs.call("status", "plus-one", "--json"))
    assert (found["id"], found["status"], found["n_done"], found["exit_code"]) == (job_id, "DONE", N_BLOCKS, 0)
    (listed,) = document(jobs.call("list", "--json"))["jobs"]
    assert (listed["id"], listed["name"], listed["status"]) == (job_id, "plus-one", "DONE")
    assert document(jobs.call("explain", job_id, "--json"))["status"] == "DONE"
    assert document(jobs.call("explain", job_id, "--block", "3", "--json"))["standing"] == "done"
    report = document(jobs.call("report", job_id, "--json"))
    assert report["id"] == job_id
    stored = json.loads(jobs.at(job_id).report.read_text())
    assert {name: report[name] for name in stored} == stored
    for command in ("list", "status", "explain", "report", "logs"):
        shown = jobs.call(command, *([] if command == "list" else [job_id]))
        assert shown.exit_code == 0, shown
        assert "Traceback" not in shown.err
        assert "DONE" in shown.out or command == "logs"
    assert "16 blocks" in jobs.call("logs", job_id).out


def test_an_id_that_no_job_has_is_10(jobs: Stored) -> None:
    assert jobs.call("list").exit_code == 0
    jobs.call("status", "abcdefgh").assert_refused(10, "error[no-such-job]", "'abcdefgh'", "0 jobs")
    job_id = jobs.submit(*MAP, "-o", "y.npy", *INLINE)
    near = job_id[:-1] + ("a" if job_id[-1] != "a" else "b")
    for command in FINDERS:
        jobs.call(command, near).assert_refused(10, "error[no-such-job]", f"near it: {job_id}")
    jobs.call("wait", job_id, near).assert_refused(10, near)
    jobs.wait_for(job_id, "DONE")


def test_wait_exits_with_the_code_of_the_first_that_did_not_succeed(jobs: Stored) -> None:
    disk = SlowDisk.of(jobs.folder)
    done = jobs.submit(*MAP, "-o", "done.npy", *INLINE)
    jobs.wait_for(done, "DONE")
    disk.allow(2)
    killed = jobs.submit(*MAP, "-o", "killed.npy", *INLINE)
    jobs.wait_for_blocks(killed, 2)
    jobs.kill_driver(killed)
    cancelled = jobs.submit(*MAP, "-o", "cancelled.npy", *INLINE)
    disk.wait_for_held(2)
    # it is there, and has not ended
    refused = jobs.call("wait", done, cancelled, "--timeout", "0.3")
    refused.assert_refused(5, "error[timed-out]", cancelled)
    jobs.call("result", cancelled).assert_refused(11, "RUNNING")
    assert jobs.call("cancel", cancelled).exit_code == 0
    np.save(jobs.folder.path / "short.npy", np.ones((128, 128), np.float32))
    failed = jobs.submit("map", "short.npy", *MAP[2:], "-o", "failed.npy", *INLINE)
    disk.wait_for_held(3)
    os.truncate(jobs.folder.path / "short.npy", 20_000)
    disk.allow()
    jobs.wait_for(failed, "FAILED")
    codes = {done: 0, killed: 75, cancelled: 4, failed: 3}
    for order in ([done, killed, cancelled, failed], [failed, done, cancelled], [cancelled, killed]):
        ended = jobs.call("wait", *order, "--json")
        assert ended.exit_code == next(code for job_id in order if (code := codes[job_id]))
        found = json.loads(ended.out)
        assert [(job["id"], job["exit_code"]) for job in found["jobs"]] == [(i, codes[i]) for i in order]
    jobs.call("result", killed).assert_refused(75, f"arraymill resume {killed}")
    found = document(jobs.call("explain", failed, "--json"))
    assert (found["status"], found["error"]["id"]) == ("FAILED", "input-changed")
    assert "short.npy" in found["problem"]


def test_a_log_is_followed_to_the_end_of_the_job_and_ctrl_c_leaves_it_alone(jobs: Stored) -> None:
    disk = SlowDisk.of(jobs.folder)
    done = jobs.submit(*MAP, "-o", "done.npy", *INLINE)
    jobs.wait_for(done, "DONE")
    disk.allow(2)
    job_id = jobs.submit(*MAP, "-o", "y.npy", *INLINE)
    disk.wait_for_held()
    with jobs.at(job_id).driver_log.open("a") as log:
        log.write("a line\n")
    # without -f it never waits
    assert "a line\n" in jobs.call("logs", job_id).out
    with (
        jobs.folder.start("logs", job_id, "-f") as left,
        jobs.folder.start("wait", done, job_id) as waits,
        jobs.folder.start("logs", job_id, "-f", "--tail", "1") as follows,
    ):
        for run in (left, follows):
            assert run.driver.stdout is not None
            assert run.driver.stdout.readline() == "a line\n"
        waits.wait_for(lambda: f"job {done} is DONE" in waits.err, "the first of its jobs")
        for run in (left, waits):
            run.driver.send_signal(signal.SIGINT)
            ended = run.finish()
            assert ended.exit_code == 130, ended
            assert f"{job_id} go" in ended.err
        assert jobs.state(job_id).status == "RUNNING"
        assert follows.driver.poll() is None
        disk.allow()
        ended = follows.finish()
    assert ended.exit_code == 0, ended
    assert "16 blocks" in ended.out
    jobs.wait_for(job_id, "DONE")


def test_clean_touches_no_output_and_no_job_that_runs(jobs: Stored) -> None:
    disk = SlowDisk.of(jobs.folder)
    done = jobs.submit(*MAP, "-o", "done.npy", *INLINE)
    jobs.wait_for(done, "DONE")
    disk.allow(2)
    killed = jobs.submit(*MAP, "-o", "killed.npy", *INLINE)
    jobs.wait_for_blocks(killed, 2)
    jobs.kill_driver(killed)
    runs = jobs.submit(*MAP, "-o", "runs.npy", *INLINE)
    disk.wait_for_held(2)
    jobs.call("clean", done, runs).assert_refused(11, runs, "nothing was removed")
    assert jobs.call("clean", "--all", "--dry-run").out == f"{done}\n"
    assert jobs.ids() == sorted([done, killed, runs])
    assert jobs.call("clean", "--all").out == f"{done}\n"
    assert jobs.ids() == sorted([killed, runs])
    assert (jobs.folder.path / "done.npy").exists()
    assert (jobs.folder.path / "killed.npy.partial").exists()
    assert jobs.call("clean", killed).out == f"{killed}\n"
    # what is left of an output goes with its job only where the job was named
    assert not (jobs.folder.path / "killed.npy.partial").exists()
    disk.allow()
    jobs.wait_for(runs, "DONE")
    assert jobs.call("clean", "--older-than", "1h").out == ""
    assert jobs.ids() == [runs]


@pytest.mark.parametrize(
    ("code", "args", "words"),
    [
        (3, ("map", "junk.npy", "--expr", "x + 1", "-o", "y.npy"), ["junk.npy"]),
        (3, ("map", "missing.npy", "--expr", "x + 1", "-o", "y.npy"), ["missing.npy"]),
        (2, (*MAP, "-o", "y.npy", "--workerss", "2"), ["--workerss", "--workers"]),
        (2, (*MAP, "-o", "no/such/y.npy"), ["does not exist"]),
        (2, (*MAP, "-o", "x.npy", "--force"), ["the output is an input"]),
        (2, ("matmul", "x.npy", "row.npy", "-o", "y.npy"), ["mismatch in its core dimension"]),
        (6, (*MAP, "-o", "y.npy", "--memory", "1MB"), ["may take 1.00 MB"]),
    ],
)
def test_what_can_be_refused_is_refused_before_there_is_a_job(
    jobs: Stored, code: int, args: tuple[str, ...], words: list[str]
) -> None:
    (jobs.folder.path / "junk.npy").write_bytes(b"no array")
    np.save(jobs.folder.path / "row.npy", np.ones(3, np.float32))
    jobs.call("submit", *args).assert_refused(code, *words)
    assert jobs.ids() == []


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("clean",), "--all"),
        (("wait",), "ID"),
        (("status", "--jsn", "abcdefgh"), "--json"),
        (("logs", "abcdefgh", "--tail", "-1"), "--tail"),
        (("wait", "abcdefgh", "--timeout", "soon"), "soon"),
        (("explain", "abcdefgh", "--block", "x"), "--block"),
        (("cluster", "start", "--kind", "inline"), "inline"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else None,
)
def test_wrong_use_is_2(jobs: Stored, args: tuple[str, ...], words: str) -> None:
    jobs.call(*args).assert_refused(2, "error[usage]", words)


@pytest.mark.parametrize("command", ["run", "submit"])
@pytest.mark.parametrize("home", ["file", "closed", "under-a-file"])
def test_a_home_that_cannot_be_written_is_2(jobs: Stored, command: str, home: str) -> None:
    closed = jobs.folder.path / "closed"
    closed.mkdir(mode=0o500)
    place = {"file": "x.npy", "under-a-file": "x.npy/home", "closed": "closed/home"}[home]
    through = (sys.executable, "-c", UNPRIVILEGED, *ARRAYMILL)
    refused = jobs.call(command, *MAP, "-o", "y.npy", through=through, ARRAYMILL_HOME=str(jobs.folder.path / place))
    refused.assert_refused(2, place.removesuffix("/home"), "ARRAYMILL_HOME", "nothing was started")
    assert sorted(path.name for path in jobs.folder.path.iterdir()) == ["closed", "x.npy"]
