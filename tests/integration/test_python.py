"""The Python interface as a user's script calls it, in a process of its own."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from integration.commands import TIMEOUT_S, Folder
from integration.slow_disk import SlowDisk

SCRIPT = """
import numpy as np
{imports}

if __name__ == "__main__":
    x = np.arange(6.0).reshape(2, 3)
    assert plan("sum", x, axis=0).output.shape == (3,)
    assert run("sum", x, axis=0).tolist() == [3.0, 5.0, 7.0]
    with open_cluster(ClusterConfig("local", workers=2)) as cluster:
        np.save("x.npy", x)
        assert run("matmul", x, x, transpose_b=True, cluster=cluster).tolist() == [[5.0, 14.0], [14.0, 50.0]]
        assert str(run("map", "x.npy", expr="x + 1", output="y.npy", cluster=cluster)) == "y.npy"
"""

JOBS_FIRST = """
from arraymill.jobs import run, plan
from arraymill.cluster import ClusterConfig, open_cluster
"""
CLUSTER_FIRST = """
from arraymill.cluster import ClusterConfig, open_cluster
from arraymill.jobs import plan, run
"""
PARTS_FIRST = f"""
import arraymill.jobs.runner
import arraymill.jobs.plans.planning
{JOBS_FIRST}
"""


# in any order of imports: each loads other parts first
@pytest.mark.parametrize("imports", [JOBS_FIRST, CLUSTER_FIRST, PARTS_FIRST], ids=["jobs", "cluster", "parts"])
def test_script_of_a_user(folder: Folder, imports: str) -> None:
    (folder.path / "script.py").write_text(SCRIPT.format(imports=imports), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-W", "error", "script.py"],
        cwd=folder.path,
        env=folder.environment(),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert done.stderr == ""
    assert folder.left_in_temporary() == set()
    np.testing.assert_array_equal(np.load(folder.path / "y.npy"), np.arange(1.0, 7.0).reshape(2, 3))


HANDLES = """
from pathlib import Path

import numpy as np
from arraymill.jobs import submit
from arraymill.jobs.api import JobHandle
from arraymill.jobs.errors import JobError, WaitTimeoutError

if __name__ == "__main__":
    x = np.load("x.npy")
    done = submit("map", "x.npy", expr="x + 1", output="out.npy", cluster="inline")
    total = submit("sum", "x.npy", cluster="inline")
    assert done.wait(120) == "DONE"
    np.testing.assert_array_equal(done.result(), x + 1)
    assert not done.result().flags.writeable
    assert total.result(120) == 66.0
    assert JobHandle(done.id).status == "DONE"
    assert done.cancel() == "DONE"
    Path(GATE).write_text("0")
    held = submit("map", "x.npy", expr="x + 2", output="z.npy", cluster="inline")
    try:
        held.wait(0.2)
    except WaitTimeoutError as error:
        assert error.exit_code == 5
    else:
        raise AssertionError("it cannot have ended")
    assert held.cancel() == "CANCELLED"
    try:
        held.result()
    except JobError as error:
        assert error.exit_code == 4 and "resume" in error.next
    else:
        raise AssertionError("it has no result")
    try:
        submit("map", x, expr="x + 1", output="out.npy")
    except JobError as error:
        assert error.exit_code == 2
    else:
        raise AssertionError("an array was taken")
"""


def test_handles_of_submitted_jobs(work: Folder) -> None:
    disk = SlowDisk.of(work)
    script = HANDLES.replace("GATE", repr(str(disk.path / "allowed")))
    (work.path / "script.py").write_text(script, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-W", "error", "script.py"],
        cwd=work.path,
        env=work.environment(),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert done.stderr == ""
    assert sorted(path.name for path in work.path.iterdir()) == ["out.npy", "script.py", "x.npy", "y.npy"]
