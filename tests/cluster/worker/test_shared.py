"""Facts of what tasks share: it is read once, by digest; a task is a few hundred bytes."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from in_process_jobs import plan_arrays
from worker_tasks import add, fail, make_tensor

from arraymill.cluster.worker import shared as worker_shared
from arraymill.cluster.worker.shared import Bound, SharedTask, run_batch, run_shared, run_shared_batch, share_task
from arraymill.cluster.worker.tasks import pack_call, run_packed
from arraymill.jobs.arrays import open_source
from arraymill.jobs.engine import Attempt, Fence, Work, run_block


@pytest.fixture(autouse=True)
def _a_worker_that_knows_nothing() -> None:
    worker_shared._known.clear()


def shared_in(folder: Path, base: int = 1) -> SharedTask:
    return share_task(str(folder), add, (base,))


def test_a_worker_reads_it_once(tmp_path: Path) -> None:
    shared = shared_in(tmp_path)
    assert run_shared(shared, (2,)) == 3
    shared.forget()
    assert list(tmp_path.iterdir()) == []
    assert run_shared(shared, (3,)) == 4


def test_a_worker_that_does_not_know_it_reads_it_again(tmp_path: Path) -> None:
    shared = shared_in(tmp_path)
    run_shared(shared, (2,))
    worker_shared._known.clear()
    assert run_shared(shared, (3,)) == 4


def test_a_worker_keeps_the_last_few(tmp_path: Path) -> None:
    tasks = [shared_in(tmp_path, base) for base in range(6)]
    for base, shared in enumerate(tasks):
        assert run_shared(shared, (0,)) == base
    assert list(worker_shared._known) == [shared.digest for shared in tasks[2:]]


def test_two_that_share_the_same_remove_only_their_own(tmp_path: Path) -> None:
    one, other = shared_in(tmp_path), shared_in(tmp_path)
    assert one.digest == other.digest
    one.forget()
    assert run_shared(other, (4,)) == 5


def test_other_bytes_than_were_written_are_refused_before_they_are_looked_into(tmp_path: Path) -> None:
    shared = shared_in(tmp_path)
    Path(shared.path).write_bytes(pickle.dumps(Bound(fail, ("this was loaded",))))
    with pytest.raises(RuntimeError, match="holds other bytes"):
        run_shared(shared, (2,))


def test_nobody_else_can_read_it(tmp_path: Path) -> None:
    assert Path(shared_in(tmp_path).path).stat().st_mode & 0o777 == 0o600


def test_where_it_cannot_be_written_it_travels_along(tmp_path: Path) -> None:
    shared = shared_in(tmp_path / "gone")
    assert shared.path == ""
    assert run_packed(pack_call(run_shared, shared, (2,))) == 3


def test_a_tensor_cannot_be_shared_and_does_not_come_back(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="an argument"):
        share_task(str(tmp_path), add, (torch.zeros(1),))
    with pytest.raises(TypeError, match="the result"):
        run_shared(share_task(str(tmp_path), make_tensor, ()), ())


def test_calls_of_a_batch_fail_by_themselves_with_their_tracebacks(tmp_path: Path) -> None:
    shared = share_task(str(tmp_path), add, (1,))
    arrived: list[Any] = pickle.loads(pickle.dumps(run_shared_batch(shared, [(2,), ("x",), (3,)])))
    assert [value for value, _ in arrived] == [3, None, 4]
    error = arrived[1][1]
    assert isinstance(error, TypeError)
    assert error.__traceback__ is not None


def test_a_batch_that_takes_too_long_begins_no_further_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_shared, "BATCH_S", -1.0)
    assert run_batch(int, [("1",), ("2",)]) == [(1, None)]


def test_a_task_of_a_job_is_a_few_hundred_bytes(tmp_path: Path) -> None:
    arrays = [np.ones((40, 50)), np.ones((50, 60))]
    plan = plan_arrays("matmul", arrays, block_bytes=4096)
    sources = []
    for name, array in zip("ab", arrays, strict=True):
        np.save(tmp_path / f"{name}.npy", array)
        sources.append(open_source(tmp_path / f"{name}.npy"))
    work = Work(plan.stage, tuple(sources), None, "numpy", Fence(str(tmp_path), 1), board=str(tmp_path))  # type: ignore[arg-type]
    shared = share_task(str(tmp_path), run_block, (work,))
    assert len(pack_call(run_shared, shared, (12_345, Attempt(3, 1)))) < 600
    batch = [(index, Attempt()) for index in range(100, 200)]
    assert len(pack_call(run_shared_batch, shared, batch)) < 600 + 20 * len(batch)
