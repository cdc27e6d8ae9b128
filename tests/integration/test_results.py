"""What commands make of odd inputs, of a second run and of two at once, in real processes on real files."""

from __future__ import annotations

import stat
from typing import Any

import numpy as np
import pytest
from integration.commands import Folder
from integration.slow_disk import SlowDisk
from integration.stored import INLINE, MAP, Stored


def load(work: Folder, name: str) -> Any:
    return np.load(work.path / name)


def test_read_only_input_is_read(work: Folder) -> None:
    path = work.path / "x.npy"
    path.chmod(0o400)
    assert work.run("run", "sum", "x.npy", "--cluster", "local", "--workers", "1").out == "66.0\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o400


NAN = np.array([[1.0, np.nan, -np.inf], [np.inf, 2.0, 3.0]])


@pytest.mark.parametrize(
    ("op", "x", "args", "expected"),
    [
        ("sum", np.zeros((0,)), [], np.float64(0)),
        ("sum", np.zeros((0, 3)), ["--axis", "0"], np.zeros(3)),
        ("sum", np.zeros((0, 3)), ["--axis", "1"], np.zeros(0)),
        ("prod", np.zeros((3, 0, 2), np.float32), ["--axis", "1"], np.ones((3, 2), np.float32)),
        ("mean", np.zeros((0, 2)), ["--axis", "0"], np.full(2, np.nan)),
        ("sum", np.array(2.5), [], np.float64(2.5)),
        ("std", np.array(2.5), [], np.float64(0)),
        ("sum", NAN, ["--axis", "0"], NAN.sum(axis=0)),
        ("max", NAN, ["--axis", "1"], NAN.max(axis=1)),
        ("nansum", NAN, ["--axis", "0"], np.nansum(NAN, axis=0)),
        ("argmin", NAN, [], np.argmin(NAN)),
        ("map", np.zeros((0, 3)), ["--expr", "x + 1"], np.ones((0, 3))),
        ("map", np.array(2.5), ["--expr", "x + 1"], np.array(3.5)),
        ("map", NAN, ["--expr", "1 / x"], 1 / NAN),
    ],
)
def test_empty_0d_and_not_finite_are_as_in_numpy(work: Folder, op: str, x: Any, args: list[str], expected: Any) -> None:
    np.save(work.path / "x.npy", x)
    done = work.run("run", op, "x.npy", *args, "-o", "out.npy", changes=["out.npy"])
    assert (done.exit_code, done.out) == (0, "out.npy\n"), done
    found = load(work, "out.npy")
    assert (found.shape, found.dtype) == (expected.shape, expected.dtype)
    np.testing.assert_array_equal(found, expected)


def test_least_of_nothing_is_numpys_error(work: Folder) -> None:
    np.save(work.path / "x.npy", np.zeros((0, 3)))
    refused = work.run("run", "min", "x.npy", "--axis", "0", "-o", "out.npy")
    refused.assert_refused(2, "zero-size array to reduction operation")


def test_product_over_nothing_is_zeros(work: Folder) -> None:
    np.save(work.path / "a.npy", np.ones((3, 0)))
    np.save(work.path / "b.npy", np.ones((0, 2)))
    assert work.run("run", "matmul", "a.npy", "b.npy", "-o", "out.npy", changes=["out.npy"]).exit_code == 0
    np.testing.assert_array_equal(load(work, "out.npy"), np.zeros((3, 2)))


def test_second_run_of_a_job_file_gives_the_same_bytes(work: Folder) -> None:
    job = "op: mean\ninputs: {x: x.npy}\nparams: {axis: 0}\noutput: {path: out.npy, if_exists: replace}\n"
    (work.path / "job.yaml").write_text(job, encoding="utf-8")
    assert work.run("run", "job.yaml", changes=["out.npy"]).exit_code == 0
    first = work.digests()["out.npy"]
    assert work.run("run", "job.yaml", changes=["out.npy"]).exit_code == 0
    assert work.digests()["out.npy"][0] == first[0]
    assert work.run("run", "job.yaml", "--set", "output.if_exists=error").exit_code == 2


def test_two_runs_of_one_output_are_11_for_the_later(jobs: Stored) -> None:
    disk = SlowDisk.of(jobs.folder, allowed=2)
    run = ("run", *MAP, *INLINE, "-o", "y.npy")
    with jobs.folder.start(*run) as first:
        disk.wait_for_held()
        jobs.call(*run).assert_refused(11, "y.npy", "error[output-locked]")
        jobs.call(*run, "--force").assert_refused(11, "y.npy", "error[output-locked]")
        disk.allow()
        assert first.finish().exit_code == 0
    assert load(jobs.folder, "y.npy").shape == (128, 128)
    assert not (jobs.folder.path / "y.npy.partial").exists()


def test_partial_of_a_dead_run_is_no_obstacle(work: Folder) -> None:
    (work.path / "out.npy.partial").write_bytes(b"half")
    done = work.run("run", "sum", "x.npy", "-o", "out.npy", changes=["out.npy", "out.npy.partial"])
    assert done.exit_code == 0
    assert not (work.path / "out.npy.partial").exists()


def test_file_that_appears_under_the_outputs_name_is_kept(jobs: Stored) -> None:
    disk = SlowDisk.of(jobs.folder, allowed=2)
    other = jobs.folder.path / "y.npy"
    with jobs.folder.start("run", *MAP, *INLINE, "-o", "y.npy") as run:
        disk.wait_for_held()
        other.write_bytes(b"of somebody else")
        disk.allow()
        run.finish().assert_refused(2, "appeared while the job ran", "was not touched", "16 of 16 blocks are done")
    assert other.read_bytes() == b"of somebody else"
    # nothing of the work is lost
    job_id = jobs.only_id()
    jobs.call("resume", job_id).assert_refused(2, "y.npy: exists")
    other.unlink()
    assert jobs.call("resume", job_id).exit_code == 0
    assert sorted(jobs.blocks(job_id)) == list(range(16))
    np.testing.assert_array_equal(load(jobs.folder, "y.npy"), load(jobs.folder, "x.npy") + np.float32(1))
    assert not (jobs.folder.path / "y.npy.partial").exists()
