"""A file that is truncated while it is mapped ends in an error, in a process that lives on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from arraymill.jobs.arrays import maps

pytestmark = pytest.mark.skipif(not maps._can_populate(), reason="the kernel cannot populate maps (Linux 5.14)")

TIMEOUT_S = 120

SCRIPT = """
import contextlib, os, sys, threading
import numpy as np
from arraymill.jobs.arrays import open_source
from arraymill.jobs.arrays.bus_guard import bus_guard

path, is_guarded = sys.argv[1], sys.argv[2] == "guarded"
source = open_source(path)

def compute():
    with source.open() as reader:
        view = reader.view(((0, 1_000_000),), is_kept=True)
        os.truncate(path, 4096)
        return float(np.sum(view))

try:
    with bus_guard() if is_guarded else contextlib.nullcontext():
        if sys.argv[3] == "thread":
            caught = []
            def run():
                try:
                    compute()
                except Exception as error:
                    caught.append(error)
            thread = threading.Thread(target=run)
            thread.start()
            thread.join()
            raise caught[0]
        compute()
except Exception as error:
    print(type(error).__name__)
"""


# a process that dumps its threads when it crashes wants to crash: there the guard stays down
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONFAULTHANDLER"}


def run_python(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, env=ENVIRONMENT)


def run_script(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    np.save(folder / "x.npy", np.ones(1_000_000))
    return run_python(SCRIPT, str(folder / "x.npy"), *arguments)


@pytest.mark.parametrize("where", ["main", "thread"])
def test_a_guarded_process_lives_and_says_that_the_file_changed(tmp_path: Path, where: str) -> None:
    done = run_script(tmp_path, "guarded", where)
    assert (done.returncode, done.stdout, done.stderr) == (0, "InputChangedError\n", "")


def test_without_the_guard_the_process_dies(tmp_path: Path) -> None:
    assert run_script(tmp_path, "bare", "main").returncode == -signal.SIGBUS


def test_the_guard_leaves_signals_as_they_were() -> None:
    script = (
        "import signal\n"
        "from arraymill.jobs.arrays.bus_guard import bus_guard\n"
        "with bus_guard():\n"
        "    assert signal.getsignal(signal.SIGBUS) != signal.SIG_DFL\n"
        "    with bus_guard():\n"
        "        pass\n"
        "    assert signal.getsignal(signal.SIGBUS) != signal.SIG_DFL\n"
        "assert signal.getsignal(signal.SIGBUS) == signal.SIG_DFL\n"
        "assert signal.set_wakeup_fd(-1) == -1\n"
    )
    done = run_python(script)
    assert (done.returncode, done.stderr) == (0, "")


def test_somebody_who_listens_to_signals_is_left_alone() -> None:
    script = (
        "import os, signal\n"
        "from arraymill.jobs.arrays.bus_guard import bus_guard\n"
        "ear, mouth = os.pipe()\n"
        "os.set_blocking(mouth, False)\n"
        "signal.set_wakeup_fd(mouth)\n"
        "with bus_guard():\n"
        "    assert signal.getsignal(signal.SIGBUS) == signal.SIG_DFL\n"
        "assert signal.set_wakeup_fd(-1) == mouth\n"
    )
    done = run_python(script)
    assert (done.returncode, done.stderr) == (0, "")
