import io
import os
import pty
import subprocess
import sys

import numpy as np
import pytest

import arraymill.jobs.cli.stdout as stdout
from arraymill.jobs.cli.stdout import lines_of

X = np.arange(12, dtype=np.float32).reshape(4, 3)
COMMAND = [sys.executable, "-m", "arraymill.jobs.cli", "run", "map", "x.npy", "--expr", "x / 3", "-o", "-"]


def arrays_of(content):
    stream, arrays = io.BytesIO(content), []
    while stream.tell() < len(content):
        arrays.append(np.load(stream))
    return arrays


def test_a_program_reads_npy_from_a_pipe(call, home, tmp_path):
    # numpy.load goes back in its file, which a pipe cannot
    read = "import io, sys, numpy as np; x = np.load(io.BytesIO(sys.stdin.buffer.read())); print(x.dtype, x[3, 2])"
    with subprocess.Popen(COMMAND, stdout=subprocess.PIPE) as job:
        reader = [sys.executable, "-c", read]
        told = subprocess.run(reader, stdin=job.stdout, capture_output=True, text=True, check=True)
    assert (job.returncode, told.stdout) == (0, "float32 3.6666667\n")


def test_a_terminal_shows_lines(call, home, tmp_path):
    master, slave = pty.openpty()
    ran = subprocess.run(COMMAND, stdout=slave, stderr=subprocess.PIPE, timeout=100, check=False)
    os.close(slave)
    shown = os.read(master, 10_000).decode().replace("\r\n", "\n")
    os.close(master)
    assert (ran.returncode, shown) == (0, lines_of(X / np.float32(3)))


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (("sum", "x.npy"), [np.float64(66)]),
        (("sum", "x.npy", "--axis", "0"), [X.sum(axis=0)]),
        (("svd", "x.npy"), list(np.linalg.svd(X, full_matrices=False))),
    ],
)
def test_all_outputs_follow_one_another(call, home, args, expected):
    result = call("run", *args, "-o", "-")
    assert result.exit_code == 0, result.stderr
    found = arrays_of(result.stdout_bytes)
    assert [array.shape for array in found] == [array.shape for array in expected]
    assert np.allclose(np.abs(found[0]), np.abs(expected[0]), atol=1e-5)
    assert "CPU, in this process" in result.stderr


def test_a_job_file_may_say_it(call, home, tmp_path):
    (tmp_path / "job.yaml").write_text("op: mean\ninputs: {x: x.npy}\noutput: '-'\n", encoding="utf-8")
    assert arrays_of(call("run", "job.yaml", "-q").stdout_bytes)[0] == 5.5
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home", "job.yaml", "x.npy"]


def test_what_is_too_large_or_cannot_be_is_refused(call, home, tmp_path, monkeypatch):
    monkeypatch.setattr(stdout, "LARGEST_BYTES", 20)
    large = call("run", "map", "x.npy", "--expr", "x + 1", "-o", "-")
    assert (large.exit_code, large.stdout_bytes) == (2, b"")
    assert "too large for stdout" in large.stderr
    assert "-o map.npy" in large.stderr
    assert "both go to stdout" in call("run", "sum", "x.npy", "-o", "-", "--json").stderr
    assert "has no stdout" in call("submit", "sum", "x.npy", "-o", "-").stderr
    assert "output.chunks is said" in call("run", "sum", "x.npy", "-o", "-", "--set", "output.chunks=[1]").stderr
    assert "feasible" in call("plan", "sum", "x.npy", "-o", "-").stdout


@pytest.mark.parametrize(
    ("array", "lines"),
    [
        (np.array(2.5), "2.5\n"),
        (np.array([1, 2]), "1\n2\n"),
        (np.array([True]), "1\n"),
        (np.empty((0, 3)), ""),
        (np.array([1j]), "[0.+1.j]\n"),
        (np.zeros((1, 1, 2)), "[[[0. 0.]]]\n"),
    ],
)
def test_lines_are_those_of_a_csv_where_that_says_all(array, lines):
    assert lines_of(array) == lines
