from __future__ import annotations

import fcntl
import multiprocessing
import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from array_processes import hold, race

from arraymill.jobs import disk
from arraymill.jobs.arrays import Output, create_output
from arraymill.jobs.errors import JobError, OutputError, OutputLockedError

F8 = np.dtype("<f8")


def create(path: Path, shape: tuple[int, ...] = (3,), *, replace: bool = False, **options: Any) -> Output:
    return create_output(path, shape, F8, "C", replace=replace, inputs=options.pop("inputs", []), **options)


def fill(output: Output, value: float) -> None:
    with output.target.open() as writer:
        writer.write(((0, 3),), np.full(3, value))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "y.npy"


def test_blocks_are_reserved_on_disk(path: Path) -> None:
    with create(path, (1_000_000,)):
        partial_file = path.with_name("y.npy.partial")
        assert partial_file.stat().st_blocks * 512 >= 8_000_000


def test_without_fallocate_the_file_has_its_size(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class NoFallocate:
        def fallocate(self, *_: object) -> int:
            return -1

    monkeypatch.setattr(disk.ctypes, "CDLL", lambda *_, **__: NoFallocate())
    monkeypatch.setattr(disk.ctypes, "get_errno", lambda: 95)
    with create(path) as output:
        output.publish()
    assert np.load(path).tolist() == [0.0] * 3


@pytest.mark.parametrize("taken", [False, True])
def test_without_hard_links_it_is_a_rename(path: Path, monkeypatch: pytest.MonkeyPatch, taken: bool) -> None:
    def link(*_: object, **__: object) -> None:
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", link)
    with create(path) as output:
        fill(output, 4.0)
        if taken:
            path.touch()
            with pytest.raises(OutputError, match="appeared"):
                output.publish()
        else:
            output.publish()
            assert np.load(path).tolist() == [4.0] * 3


def test_the_leftover_of_a_dead_run_is_replaced(path: Path) -> None:
    leftover = path.with_name("y.npy.partial")
    leftover.write_bytes(b"x" * 10_000)
    late = os.open(leftover, os.O_WRONLY)
    with create(path) as output:
        os.pwrite(late, b"late", 4096)
        output.publish()
    os.close(late)
    assert np.load(path).tolist() == [0.0] * 3


def test_a_leftover_that_is_also_the_published_file_is_not_damaged(path: Path) -> None:
    # What a crash between the link and the unlink of a publication leaves.
    np.save(path, np.ones(2))
    os.link(path, path.with_name("y.npy.partial"))
    with create(path, replace=True):
        assert np.load(path).tolist() == [1.0, 1.0]
    assert np.load(path).tolist() == [1.0, 1.0]


def test_two_runs_cannot_write_one_output(path: Path) -> None:
    with create(path) as output:
        with pytest.raises(OutputLockedError, match="another run") as caught:
            create(path)
        assert caught.value.exit_code == 11
        fill(output, 5.0)
        output.publish()
    assert np.load(path).tolist() == [5.0] * 3


def test_racing_runs_publish_whole_files_or_are_told(path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    start, outcomes = context.Event(), context.Queue()
    runs = [context.Process(target=race, args=(str(path), start, outcomes)) for _ in range(2)]
    for run in runs:
        run.start()
    start.set()
    seen = [outcomes.get(timeout=60) for _ in range(100)]
    for run in runs:
        run.join(60)
    assert [run.exitcode for run in runs] == [0, 0]
    assert set(seen) <= {"published", "locked"}
    assert "published" in seen
    array = np.load(path)
    assert len(set(array.tolist())) == 1
    assert [path] == list(path.parent.iterdir())


def test_a_killed_run_leaves_no_lock(path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    held = context.Event()
    run = context.Process(target=hold, args=(str(path), held))
    run.start()
    assert held.wait(60)
    with pytest.raises(OutputLockedError):
        create(path)
    assert run.pid is not None
    os.kill(run.pid, signal.SIGKILL)
    run.join(60)
    assert path.with_name("y.npy.partial").exists()
    with create(path) as output:
        output.publish()
    assert [path] == list(path.parent.iterdir())


def test_a_partial_renamed_between_open_and_lock_is_left_alone(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    leftover = path.with_name("y.npy.partial")
    leftover.write_bytes(b"whole")
    flock = fcntl.flock

    def publish_first(descriptor: int, how: int) -> None:
        if leftover.exists() and not path.exists():
            leftover.rename(path)
        flock(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", publish_first)
    with pytest.raises(OutputError, match="exists"):
        create(path)
    assert path.read_bytes() == b"whole"
    assert [path] == list(path.parent.iterdir())


@pytest.mark.parametrize("foreign", [False, True])
def test_a_partial_that_somebody_removed_is_not_published(path: Path, foreign: bool) -> None:
    with create(path, replace=True) as output:
        leftover = path.with_name("y.npy.partial")
        leftover.unlink()
        if foreign:
            leftover.write_bytes(b"not ours")
        with pytest.raises(JobError, match="removed or replaced"):
            output.publish()
    assert (False, foreign) == (path.exists(), leftover.exists())
