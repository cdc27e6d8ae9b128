"""Facts of reduced blocks: pieces in order, one result per region, partials with memory of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from in_process_jobs import plan_arrays, run_arrays

from arraymill.jobs.arrays import MemoryTarget, open_source
from arraymill.jobs.blocks import Grid
from arraymill.jobs.engine import Work, run_block
from arraymill.jobs.stages.shapes import ReduceStage

X = np.arange(240.0).reshape(12, 20)


def with_pieces(name: str, grid: Grid, pieces: tuple[int, ...], **params: Any) -> ReduceStage:
    planned: Any = plan_arrays(name, [X], params).stage
    return ReduceStage(planned.kernel, grid, pieces, planned.axes, planned.keepdims)


@pytest.mark.parametrize("pieces", [(1, 1), (5, 7), (12, 3), (2, 20), (12, 20)])
@pytest.mark.parametrize(("name", "axis"), [("sum", 0), ("var", 1), ("argmax", 1), ("argmin", 0)])
def test_any_pieces_of_a_block_give_its_result(tmp_path: Path, name: str, axis: int, pieces: tuple[int, ...]) -> None:
    # a file, so that every piece is read into the same buffer
    np.save(tmp_path / "x.npy", X)
    target = MemoryTarget(np.full(X.shape[1 - axis], -1, "i8" if "arg" in name else "f8"))
    stage = with_pieces(name, Grid((12, 20), (12, 20)), pieces, axis=axis)
    run_block(Work(stage, (open_source(tmp_path / "x.npy"),), target, "numpy"), 0)
    np.testing.assert_allclose(target.array, getattr(np, name)(X, axis=axis), rtol=64 * 2.0**-53)


def test_a_partial_is_no_view_of_the_buffer_it_was_read_into(tmp_path: Path) -> None:
    # over axes of length 1 nothing is added, so a partial could be what was read
    x = np.arange(12.0).reshape(1, 12)
    np.save(tmp_path / "x.npy", x)
    stage: Any = plan_arrays("sum", [x], {"axis": 0}, block_bytes=32).stage
    target = MemoryTarget(np.zeros(12))
    work = Work(stage, (open_source(tmp_path / "x.npy"),), target, "numpy")
    for index in range(stage.grid.n_blocks):
        run_block(work, index)
    assert target.array.tolist() == x[0].tolist()


@pytest.mark.parametrize("keepdims", [False, True])
def test_fortran_order_is_worked_on_reversed(keepdims: bool) -> None:
    x = np.asfortranarray(X)
    plan = plan_arrays("sum", [x], {"axis": 1, "keepdims": keepdims})
    assert (plan.stage.reverse, plan.output.order) == (True, "F")
    result = run_arrays("sum", [x], {"axis": 1, "keepdims": keepdims}, block_bytes=100)
    assert np.array_equal(result, X.sum(axis=1, keepdims=keepdims))
