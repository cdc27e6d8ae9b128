"""A warm cluster as commands see it: started, used by one job after another, shown, stopped."""

from __future__ import annotations

import json
import os
import signal
import stat

import numpy as np
from integration.commands import wait_until
from integration.slow_disk import SlowDisk
from integration.stored import LOCAL, MAP, N_BLOCKS, Stored


def test_jobs_use_a_warm_cluster_and_leave_it_as_it_was(jobs: Stored) -> None:
    assert jobs.call("cluster", "status").exit_code == 9
    disk = SlowDisk.of(jobs.folder)
    started = jobs.call("cluster", "start", "--kind", "local", "--workers", "2", "--json")
    assert started.exit_code == 0, started
    cluster = json.loads(started.out)["cluster"]
    pids = set(cluster["worker_pids"])
    assert (cluster["n_workers"], len(pids)) == (2, 2)
    home = jobs.folder.home / "cluster.json"
    assert stat.S_IMODE(home.stat().st_mode) == 0o600
    assert json.loads(home.read_text())["key"] not in started.out
    jobs.call("cluster", "start", "--kind", "local").assert_refused(11, str(cluster["pid"]))

    submitted = jobs.submit(*MAP, "-o", "y.npy", *LOCAL)
    jobs.wait_for(submitted, "DONE")
    assert {record["pid"] for record in jobs.records(submitted, "block")} <= pids
    # a job in the foreground that is stopped leaves only its own processes
    disk.allow(disk.most_written() + 2)
    with jobs.folder.start("run", *MAP, "-o", "z.npy", *LOCAL) as run:
        run.wait_for(lambda: len(jobs.ids()) == 2, "its job")
        (job_id,) = set(jobs.ids()) - {submitted}
        jobs.wait_for_blocks(job_id, 2)
        run.driver.send_signal(signal.SIGKILL)
        run.finish()
        wait_until(lambda: run.left_behind() == [], "its end")
    disk.allow()
    assert jobs.call("resume", job_id).exit_code == 0
    assert sorted(jobs.blocks(job_id)) == list(range(N_BLOCKS))
    np.testing.assert_array_equal(np.load(jobs.folder.path / "z.npy"), np.load(jobs.folder.path / "y.npy"))
    shown = json.loads(jobs.call("cluster", "status", "--json").out)["cluster"]
    assert shown["pid"] == cluster["pid"]
    assert "2 workers" in jobs.call("cluster", "status").out

    assert jobs.call("cluster", "stop").exit_code == 0
    assert jobs.left_behind() == []
    assert not home.exists()
    assert jobs.call("cluster", "stop").exit_code == 0


def test_a_warm_cluster_that_is_killed_takes_its_workers_along(jobs: Stored) -> None:
    started = jobs.call("cluster", "start", "--kind", "local", "--workers", "1", "--json")
    os.kill(json.loads(started.out)["cluster"]["pid"], signal.SIGKILL)
    wait_until(lambda: jobs.left_behind() == [], "the end of its worker")
    assert jobs.call("cluster", "status").exit_code == 9
    # and jobs start their own
    done = jobs.call("run", *MAP, "-o", "y.npy", *LOCAL)
    assert (done.exit_code, done.out) == (0, "y.npy\n"), done
