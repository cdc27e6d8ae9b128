"""What is left of a cluster when its driver ends in whatever way: nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from source_tree import SUPPORT
from worker_tasks import TIMEOUT_S, alive, wait_until

SCRIPT = SUPPORT / "driver_script.py"


@contextmanager
def driver(scratch: Path, ending: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-W", "error", str(SCRIPT), str(scratch), ending],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert read_line(process) == ["starting"]
        yield process
    finally:
        process.kill()
        process.communicate()


def read_line(process: subprocess.Popen[str]) -> list[str]:
    assert process.stdout is not None
    return process.stdout.readline().split()


def read_pids(process: subprocess.Popen[str]) -> list[int]:
    word, *pids = read_line(process) or ["nothing"]
    assert word == "pids", process.communicate()[1]
    return [int(pid) for pid in pids]


def wait_until_gone(pids: list[int]) -> None:
    wait_until(lambda: not alive(pids), "the workers' end", timeout_s=30)


@pytest.mark.parametrize("ending", ["sleep", "hold"])
def test_workers_die_with_a_killed_driver(tmp_path: Path, ending: str) -> None:
    with driver(tmp_path, ending) as process:
        pids = read_pids(process)
        assert alive(pids) == set(pids)
        process.kill()
        wait_until_gone(pids)


@pytest.mark.parametrize("ending", ["sleep", "hold"])
def test_an_interrupt_ends_everything(tmp_path: Path, ending: str) -> None:
    with driver(tmp_path, ending) as process:
        pids = read_pids(process)
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=TIMEOUT_S)
    wait_until_gone(pids)
    assert process.returncode == -signal.SIGINT
    assert stderr.count("Traceback") == 1
    assert stderr.rstrip().endswith("KeyboardInterrupt")
    assert list(tmp_path.iterdir()) == []


def test_a_terminal_s_interrupt_reaches_only_the_driver(tmp_path: Path) -> None:
    with driver(tmp_path, "sleep") as process:
        pids = read_pids(process)
        for pid in (*pids, process.pid):
            os.kill(pid, signal.SIGINT)
        _, stderr = process.communicate(timeout=TIMEOUT_S)
    wait_until_gone(pids)
    assert stderr.count("Traceback") == 1


@pytest.mark.parametrize("delay_s", [0.1, 0.7])
def test_an_interrupt_while_starting_ends_everything(tmp_path: Path, delay_s: float) -> None:
    with driver(tmp_path, "sleep") as process:
        wait_until(lambda: any(tmp_path.iterdir()), "the scratch folder")
        time.sleep(delay_s)
        children = [child.pid for child in psutil.Process(process.pid).children(recursive=True)]
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=TIMEOUT_S)
    wait_until_gone(children)
    assert stderr.rstrip().endswith("KeyboardInterrupt")
    assert list(tmp_path.iterdir()) == []


def test_an_interrupt_while_connecting_ends_everything(tmp_path: Path) -> None:
    with driver(tmp_path, "connect") as process:
        _, stderr = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == -signal.SIGINT
    assert "Exception ignored" not in stderr
    assert stderr.rstrip().endswith("KeyboardInterrupt")
    assert list(tmp_path.iterdir()) == []


def test_a_session_that_is_never_closed_ends_with_the_script(tmp_path: Path) -> None:
    with driver(tmp_path, "forget") as process:
        pids = read_pids(process)
        _, stderr = process.communicate(timeout=TIMEOUT_S)
        wait_until_gone(pids)
    assert (process.returncode, stderr) == (0, "")
    assert list(tmp_path.iterdir()) == []
