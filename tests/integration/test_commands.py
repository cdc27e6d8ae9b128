"""What commands say and leave behind when something is wrong, in real processes on real files."""

from __future__ import annotations

import math
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from integration.commands import ARRAYMILL, Folder

from arraymill.cluster.devices import gpu_problem

X = np.arange(12, dtype=np.float32).reshape(4, 3)

UNPRIVILEGED = """
import ctypes, os, sys
for capability in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH: with them no folder is closed to root
    ctypes.CDLL(None).prctl(24, capability, 0, 0, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (
            ["matmul", "x.npy", "y.npy"],
            [
                "matmul: Input operand 1 has a mismatch in its core dimension 0",
                "(size 4 is different from 3)",
                "x.npy (4, 3)",
                "y.npy (4, 3)",
                "--transpose-b",
            ],
        ),
        (
            ["map", "x.npy", "row.npy", "--expr", "x + y"],
            ["cannot be broadcast to a single shape", "shape (4, 3)", "shape (4,)"],
        ),
        (["sum", "x.npy", "--axis", "2"], ["axis 2 is out of bounds for array of dimension 2"]),
        (["summ", "x.npy"], ["'summ'", "did you mean", "sum"]),
        (["sum", "x.npy", "--axs", "0"], ["--axs", "--axis"]),
        (["sum", "x.npy", "--set", "params.keepdim=true"], ["keepdim", "did you mean", "keepdims"]),
        (["sum", "x.npy", "--axis", "first"], ["axis", "first"]),
        (["matmul", "x.npy"], ["B"]),
        (["map", "x.npy", "--expr", "__import__('os')"], ["error["]),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else None,
)
def test_wrong_use_is_2(work: Folder, args: list[str], words: list[str]) -> None:
    np.save(work.path / "row.npy", np.zeros(4))
    work.run("run", *args, "-o", "out.npy").assert_refused(2, *words)


def write_bad_input(path: Path, kind: str) -> None:
    if kind == "object":
        np.save(path, np.array([{"a": 1}, None], dtype=object), allow_pickle=True)
    elif kind == "structured":
        np.save(path, np.zeros(3, dtype=[("a", "f4"), ("b", "i4")]))
    elif kind == "datetime":
        np.save(path, np.zeros(3, dtype="M8[s]"))
    elif kind == "text":
        np.save(path, np.array(["a", "b"]))
    elif kind == "pickle":
        path.write_bytes(b"\x80\x04cos\nsystem\n(S'touch owned'\ntR.")
    elif kind == "junk":
        path.write_bytes(np.random.default_rng(0).bytes(4096))
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "folder":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    else:
        np.save(path, X)
        whole = path.read_bytes()
        path.write_bytes({"truncated": whole[:-1], "header-only": whole[:20], "trailing": whole + b"\0"}[kind])


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("missing", ["No such file"]),
        ("truncated", ["truncated", "1 missing"]),
        ("header-only", []),
        ("trailing", ["bytes follow the array"]),
        ("junk", []),
        ("empty", []),
        ("pickle", []),
        ("object", ["object"]),
        ("structured", ["structured"]),
        ("datetime", ["datetime64"]),
        ("text", []),
        ("folder", ["a directory"]),
        ("fifo", ["a FIFO"]),
    ],
)
def test_input_that_is_no_array_of_numbers_is_3(work: Folder, kind: str, words: list[str]) -> None:
    if kind != "missing":
        write_bad_input(work.path / "bad.npy", kind)
    work.run("run", "sum", "bad.npy", "-o", "out.npy").assert_refused(3, "bad.npy", *words)


def test_output_that_exists_is_2_and_force_replaces_it(work: Folder) -> None:
    run = ["run", "sum", "x.npy", "--axis", "0", "-o", "out.npy"]
    np.save(work.path / "out.npy", X)
    work.run(*run).assert_refused(2, "out.npy: exists", "--force")
    assert work.run(*run, "--force", changes=["out.npy"]).exit_code == 0
    assert np.load(work.path / "out.npy").tolist() == [18.0, 22.0, 26.0]


@pytest.mark.parametrize("name", ["x.npy", "hard.npy", "soft.npy", "./x.npy"])
def test_output_that_is_an_input_is_2(work: Folder, name: str) -> None:
    (work.path / "hard.npy").hardlink_to(work.path / "x.npy")
    (work.path / "soft.npy").symlink_to("x.npy")
    refused = work.run("run", "map", "x.npy", "--expr", "x + 1", "-o", name, "--force")
    refused.assert_refused(2, "the output is an input", "the input was not touched")


def test_input_read_through_a_link_is_still_the_output(work: Folder) -> None:
    (work.path / "soft.npy").symlink_to("x.npy")
    refused = work.run("run", "map", "soft.npy", "--expr", "x + 1", "-o", "x.npy", "--force")
    refused.assert_refused(2, "the output is an input")


def test_output_through_a_link_to_elsewhere_is_2(work: Folder) -> None:
    (work.path / "soft.npy").symlink_to("y.npy")
    refused = work.run("run", "map", "x.npy", "--expr", "x + 1", "-o", "soft.npy", "--force")
    refused.assert_refused(2, "symbolic link")


def test_folder_that_is_not_there_is_2(work: Folder) -> None:
    refused = work.run("run", "sum", "x.npy", "-o", "no/such/out.npy")
    refused.assert_refused(2, "does not exist", "mkdir -p")


def test_folder_that_cannot_be_written_is_2(work: Folder) -> None:
    closed = work.path / "closed"
    closed.mkdir(mode=0o500)
    through = (sys.executable, "-c", UNPRIVILEGED, *ARRAYMILL)
    refused = work.run("run", "sum", "x.npy", "-o", "closed/out.npy", through=through)
    refused.assert_refused(2, "its folder is not writable")


def small_disk(path: Path) -> tuple[str, ...]:
    """Return the beginning of a command that sees a disk of 1 MB at a path, or skip."""
    script = 'mount -t tmpfs -o size=1m tmpfs "$1" && shift && exec "$@"'
    for options in (["--mount"], ["--user", "--map-root-user", "--mount"]):
        through = ("unshare", *options, "sh", "-c", script, "sh", str(path))
        try:
            tried = subprocess.run([*through, "true"], capture_output=True, timeout=60)
        except FileNotFoundError:
            pytest.skip("needs unshare, to mount a small disk that nobody else sees")
        if tried.returncode == 0:
            return through
    pytest.skip("needs the right to mount a small disk")


def test_disk_that_cannot_hold_the_output_is_found_out_before_the_run(work: Folder) -> None:
    disk = work.path / "disk"
    disk.mkdir()
    np.save(work.path / "big.npy", np.zeros((1000, 500), np.float32))
    # the disk goes with the command that saw it, so what was left on it is listed there
    through = (*small_disk(disk), "sh", "-c", '"$@"; code=$?; ls -A disk >&2; exit $code', "sh", *ARRAYMILL)
    refused = work.run("run", "map", "big.npy", "--expr", "x + 1", "-o", "disk/out.npy", through=through)
    refused.assert_refused(2, "the disk is too small for the output", " needed, ", "1.05 MB free in", "nothing was")
    assert refused.err.splitlines()[-1].startswith("  next:")
    fitting = work.run("run", "map", "x.npy", "--expr", "x + 1", "-o", "disk/out.npy", through=through)
    assert (fitting.exit_code, fitting.err.splitlines()[-1]) == (0, "out.npy")


def make_sparse(path: Path, shape: tuple[int, ...]) -> None:
    """Write a file of zeros that takes no room on the disk."""
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": shape})
        os.truncate(path, file.tell() + 4 * math.prod(shape))


@pytest.mark.parametrize("cluster", [["inline"], ["local", "--workers", "1"], ["local", "--workers", "2"]], ids=str)
@pytest.mark.parametrize(
    "job", [["sum", "x.npy"], ["matmul", "x.npy", "x.npy", "--transpose-a"]], ids=lambda job: job[0]
)
def test_memory_that_cannot_hold_a_task_is_6_and_what_it_says_fits(
    folder: Folder, job: list[str], cluster: list[str]
) -> None:
    make_sparse(folder.path / "x.npy", (1000, 4096))
    plan = [*job, "-o", "out.npy", "--cluster", *cluster]
    refused = folder.run("run", *plan, "--memory", "10MB")
    refused.assert_refused(6, "the job may take 10.0 MB", "nothing was read or written", "--memory ")
    enough = re.findall(r"--memory ([0-9.]+[kMG]B)", refused.err)
    assert folder.run("plan", *plan, "--memory", enough[-1]).exit_code == 0


@pytest.mark.parametrize("where", [["--cluster", "cuda"], ["--device", "cuda"], ["--gpus", "1"]], ids=lambda w: w[0])
def test_cuda_without_a_gpu_is_9_and_says_what_doctor_says(
    work: Folder, where: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    work.settings["CUDA_VISIBLE_DEVICES"] = ""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    problem = gpu_problem()
    assert problem
    refused = work.run("run", "sum", "x.npy", *where, "-o", "out.npy")
    refused.assert_refused(9, problem, "--device cpu", "arraymill doctor")
    assert problem in work.run("doctor", "--json").out.replace('\\"', '"')
