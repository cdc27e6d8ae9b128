from __future__ import annotations

import os
import subprocess
import sys

import pytest
from worker_tasks import alive

from arraymill.cluster.children import kill_child, kill_children


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


def test_one_child_is_killed_once() -> None:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    assert kill_child(child.pid)
    assert child.wait(60) == -9
    assert not kill_child(child.pid)


@pytest.mark.parametrize("pid", [os.getppid(), os.getpid(), 2**22 + 1])
def test_another_process_is_not_killed(pid: int) -> None:
    assert not kill_child(pid)
