import os
import subprocess
import sys

import numpy as np
import pytest

ARRAYMILL = f"{sys.executable} -m arraymill.jobs.cli"

pytestmark = pytest.mark.usefixtures("call", "home")


def shell(line):
    return subprocess.run(
        ["sh", "-c", line.replace("arraymill", ARRAYMILL)], capture_output=True, text=True, timeout=100
    )


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_closed_stream_is_no_reason_to_fail(tmp_path, closed):
    ran = shell(f"arraymill run mean x.npy --axis 0 -o y.npy {closed}")
    assert (ran.returncode, "Traceback" in ran.stderr) == (0, False)
    assert np.array_equal(np.load(tmp_path / "y.npy"), np.load(tmp_path / "x.npy").mean(axis=0))


def test_what_cannot_be_said_to_people_does_not_end_a_job(tmp_path):
    ran = shell("arraymill run mean x.npy -o - 2> /dev/full | wc -c")
    assert (ran.returncode, ran.stdout.strip()) == (0, "132")
    assert shell("arraymill run mean x.npy 2> /dev/full").returncode == 0
    assert shell("arraymill run mean nothing.npy 2> /dev/full").returncode == 3


@pytest.mark.parametrize("args", ["list --all", "run mean x.npy", "run mean x.npy -o -", "schema"])
def test_a_full_stdout_is_said(args):
    shell("arraymill run mean x.npy")
    ran = shell(f"arraymill {args} > /dev/full")
    assert ran.returncode == 2
    assert "error[output]: stdout cannot be written\n  cause: No space left on device" in ran.stderr


def test_an_array_for_a_reader_that_has_gone_is_quiet():
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "wb") as out:
        line = [*ARRAYMILL.split(), "run", "map", "x.npy", "--expr", "x", "-o", "-", "-q"]
        ran = subprocess.run(line, stdout=out, stderr=subprocess.PIPE, text=True, timeout=100, check=False)
    assert (ran.returncode, ran.stderr) == (141, "")


def test_both_streams_may_be_one_pipe():
    assert shell("arraymill run mean x.npy 2>&1 | head -1").stdout.endswith("CPU, in this process\n")
