"""Facts of blocks of work: what is recorded, what is returned, and that a block may run twice."""

from __future__ import annotations

import os
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from in_process_jobs import plan_arrays

from arraymill.jobs.arrays import MemorySource, MemoryTarget, open_source
from arraymill.jobs.engine import Work, run_block

X = np.arange(600.0).reshape(20, 30)


def work_of(name: str, target: Any, **params: Any) -> Work:
    stage: Any = plan_arrays(name, [X], params, block_bytes=1200).stage
    return Work(stage, (MemorySource("x", X),), target, "numpy")


def test_a_block_is_recorded() -> None:
    record = run_block(work_of("sum", None), 1).record
    assert (record.block, record.pid, record.bytes_read, record.bytes_written) == (1, os.getpid(), 1200, 0)
    assert set(record.seconds) == {"read", "to_device", "compute"}
    assert sum(record.seconds.values()) <= record.wall_s
    assert record.peak_rss_bytes > 1 << 20


def test_a_part_returns_its_partial_and_writes_nothing() -> None:
    work = work_of("sum", None)
    partials = [run_block(work, index).partial for index in range(work.stage.grid.n_blocks)]
    assert sum(partial[0].sum() for partial in partials if partial) == X.sum()


def test_a_block_with_a_region_of_its_own_writes_it_and_returns_nothing() -> None:
    target = MemoryTarget(np.full(20, -1.0))
    result = run_block(work_of("sum", target, axis=1), 1)
    assert result.partial is None
    assert result.record.bytes_written == 5 * 8
    assert target.array[5:10].tolist() == X.sum(axis=1)[5:10].tolist()
    assert (np.delete(target.array, range(5, 10)) == -1).all()


@pytest.mark.parametrize("name", ["sum", "max"])
def test_a_block_may_run_twice(name: str) -> None:
    target = MemoryTarget(np.zeros(20))
    work = work_of(name, target, axis=1)
    run_block(work, 0)
    once = target.array.copy()
    run_block(work, 0)
    assert np.array_equal(target.array, once)


@pytest.mark.parametrize(("name", "params"), [("map", {"expr": "x + 1"}), ("sum", {"axis": 1})])
def test_a_stage_that_writes_needs_a_target(name: str, params: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="needs a target"):
        run_block(work_of(name, None, **params), 0)


def test_a_tile_needs_a_target() -> None:
    stage: Any = plan_arrays("matmul", [X, X.T]).stage
    work = Work(stage, (MemorySource("a", X), MemorySource("b", X.T)), None, "numpy")
    with pytest.raises(ValueError, match="needs a target"):
        run_block(work, 0)


def test_work_on_files_is_small_and_travels(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", X)
    stage: Any = plan_arrays("sum", [X]).stage
    work = Work(stage, (open_source(tmp_path / "x.npy"),), None, "numpy")
    message = pickle.dumps(work)
    assert len(message) < 3000
    assert pickle.loads(message) == work


def test_work_on_arrays_does_not_travel() -> None:
    with pytest.raises(TypeError, match="cannot be sent"):
        pickle.dumps(work_of("sum", None))


def test_warnings_of_arithmetic_are_left_to_the_user() -> None:
    x = np.array([1e308, 1e308, np.inf, -np.inf])
    stage: Any = plan_arrays("sum", [x]).stage
    with np.errstate(all="raise"):
        result = run_block(Work(stage, (MemorySource("x", x),), MemoryTarget(np.zeros(())), "numpy"), 0)
    assert result.record.bytes_written == 8


def test_a_stage_of_the_host_is_computed_by_numpy_beside_a_gpu() -> None:
    stage: Any = plan_arrays("map", [X], {"expr": "x + 1"}).stage
    target = MemoryTarget(np.zeros_like(X))
    run_block(Work(replace(stage, on_host=True), (MemorySource("x", X),), target, "torch-cuda"), 0)
    assert np.array_equal(target.array, X + 1)
