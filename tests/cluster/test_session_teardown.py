from __future__ import annotations

import os
import subprocess
import sys
import threading

import pytest
from worker_tasks import alive, fail

from arraymill.cluster.children import kill_children
from arraymill.cluster.session_teardown import finish_within


def test_what_hangs_is_left_behind() -> None:
    release = threading.Event()
    assert not finish_within(0.05, release.wait)
    release.set()


def test_an_error_counts_as_ended() -> None:
    assert finish_within(60, lambda: fail("too late to matter"))


def test_our_children_are_killed() -> None:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    kill_children([child.pid, child.pid])
    assert child.wait(60) == -9
    assert alive([child.pid]) == set()


@pytest.mark.parametrize("pid", [os.getppid(), os.getpid(), 2**22 + 1])
def test_other_processes_are_left_alone(pid: int) -> None:
    before = alive([pid])
    kill_children([pid])
    assert alive([pid]) == before
