"""Facts of what a reduction is given beside its input: read whole, in any task, on any backend, by any order."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from in_process_jobs import ShuffledSession
from numpy.typing import NDArray

from arraymill.jobs.arrays import MemoryTarget, open_source
from arraymill.jobs.blocks import Grid
from arraymill.jobs.engine import BackendKind, Work
from arraymill.jobs.runner import run_work
from arraymill.jobs.stages.inputs import blocks_reading, input_regions
from arraymill.jobs.stages.kernels import Partial
from arraymill.jobs.stages.shapes import ReduceStage

X = np.arange(60.0).reshape(12, 5)


@dataclass(frozen=True)
class CountAbove:
    """Counts what is larger than each of the thresholds given."""

    thresholds: tuple[float, ...] = ()

    piece_elements = 1 << 10
    is_exact = True

    def bind(self, given: tuple[NDArray[Any], ...]) -> CountAbove:
        low, high = given
        assert not low.flags.writeable
        assert low.dtype.isnative
        return replace(self, thresholds=(*low.reshape(-1).tolist(), high.item()))

    def fold(self, xp: Any, piece: Any, axes: tuple[int, ...], origin: tuple[int, ...]) -> tuple[Any, ...]:
        return (xp.stack([xp.sum(xp.astype(piece > threshold, xp.int64)) for threshold in self.thresholds]),)

    def merge(self, left: Partial, right: Partial) -> Partial:
        return (left[0] + right[0],)

    def finish(self, partial: Partial) -> NDArray[Any]:
        assert not self.thresholds, "the driver has the kernel as it was planned"
        return partial[0]


def stage_of(*, reverse: bool) -> ReduceStage:
    shape = X.shape[::-1] if reverse else X.shape
    chunks = (2, 12) if reverse else (5, 5)
    return ReduceStage(
        CountAbove(), Grid(shape, chunks), (1, shape[1]), (0, 1), whole=(3,), reverse=reverse, given=((1, 2), ())
    )


def sources_of(folder: Path, *, reverse: bool) -> tuple[Any, ...]:
    low = np.array([[3.0, 30.0]], ">f8")
    for name, array in (("x", np.asfortranarray(X) if reverse else X), ("low", low), ("high", np.array(50.5))):
        np.save(folder / f"{name}.npy", array)
    return tuple(open_source(folder / f"{name}.npy") for name in ("x", "low", "high"))


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("backend", ["numpy", "torch-cpu", "fake"])
def test_every_task_folds_with_what_is_given(tmp_path: Path, backend: BackendKind, reverse: bool) -> None:
    target = MemoryTarget(np.zeros(3, np.int64))
    work = Work(stage_of(reverse=reverse), sources_of(tmp_path, reverse=reverse), None, backend)
    with target.open() as writer:
        run_work(work, ShuffledSession(seed=1), job_id="test", write_result=writer.write)
    assert target.array.tolist() == [56, 29, 9]


@pytest.mark.parametrize("reverse", [False, True])
def test_every_block_depends_on_all_that_is_given(tmp_path: Path, reverse: bool) -> None:
    stage, sources = stage_of(reverse=reverse), sources_of(tmp_path, reverse=reverse)
    cut = ((0, 12), (2, 4)) if reverse else ((5, 10), (0, 5))
    assert input_regions(stage, 1) == (cut, ((0, 1), (0, 2)), ())
    every = set(range(stage.grid.n_blocks))
    start = sources[1].data_offset
    assert [blocks_reading(stage, sources, 1, [(start + byte, start + byte + 1)]) for byte in (0, 15)] == [every] * 2
    assert blocks_reading(stage, sources, 2, [(sources[2].data_offset, sources[2].data_offset + 8)]) == every
