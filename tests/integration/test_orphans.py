"""Commands that are killed while their workers are busy: none of their processes is left, whatever it did."""

from __future__ import annotations

import pytest
from fault_tally import counted
from integration.commands import wait_until
from integration.slow_disk import SlowDisk
from integration.stored import LOCAL, MAP, Stored


@pytest.mark.parametrize("way", ["sleep", "spin", "hold"])
def test_workers_end_with_a_command_that_is_killed(jobs: Stored, way: str) -> None:
    """Asleep, spinning, or with the interpreter's lock held, so that no line of Python runs in the worker."""
    disk = SlowDisk.of(jobs.folder, allowed=1, way=way)
    with counted("failed cleanly"), jobs.folder.start("run", *MAP, "-o", "y.npy", *LOCAL) as run:
        run.wait_for(lambda: len(disk.held()) == 2, "both workers to be held")
        assert disk.held() == {worker.pid for worker in run.workers()}
        run.driver.kill()
        run.driver.wait(120)
        wait_until(lambda: run.left_behind() == [], "the end of the workers")
        assert disk.held() == set()
        assert jobs.state(jobs.only_id()).status == "INTERRUPTED"


def test_workers_end_with_a_submitted_job_that_is_killed(jobs: Stored) -> None:
    disk = SlowDisk.of(jobs.folder, allowed=1, way="hold")
    job_id = jobs.submit(*MAP, "-o", "y.npy", *LOCAL)
    disk.wait_for_held(2)
    assert jobs.call("cancel", job_id).exit_code == 0
    wait_until(lambda: jobs.left_behind() == [], "the end of the workers")
