"""Facts of the comparison of an output with the ledger."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from in_process_jobs import plan_arrays

from arraymill.jobs.api.stored.verification import differing_blocks, give_up_on, sample_of
from arraymill.jobs.arrays import checksum, create_output
from arraymill.jobs.engine import output_regions


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("n_splits", [0, 2])
def test_every_block_that_differs_is_found(tmp_path: Path, order: Any, n_splits: int) -> None:
    x = np.asarray(np.arange(600.0).reshape(60, 10), order=order)
    plan = plan_arrays("map", [x], {"expr": "x", "names": ("x",)}, block_bytes=800)
    stage: Any = plan.stage
    path = tmp_path / "y.npy"
    with create_output(path, x.shape, x.dtype, plan.output.order, replace=False, inputs=()) as output:
        target = output.target.T if stage.reverse else output.target
        source = x.T if stage.reverse else x
        records = {}
        with target.open() as writer:
            for block in range(stage.grid.n_blocks):
                crc = 0
                for region in output_regions(stage, block, n_splits):
                    part = source[tuple(slice(*bounds) for bounds in region)]
                    writer.write(region, part)
                    crc = checksum(part, target.header, crc)
                records[block] = {"crc32": crc, "n_splits": n_splits}
        assert differing_blocks(stage, output.target, records) == set()
        wrong = stage.grid.n_blocks // 2
        (region, *_) = output_regions(stage, wrong, 0)
        with target.open() as writer:
            shape = tuple(stop - start for start, stop in region)
            writer.write(region, np.full(shape, -1.0))
        assert differing_blocks(stage, output.target, records) == {wrong}
        assert differing_blocks(stage, output.target, {wrong: {"crc32": None}}) == set()


def test_a_sample_is_spread_over_the_output() -> None:
    assert sample_of(list(range(12)), 3 * 100 * 10**9) == [0, 3, 6, 9]
    assert sample_of([], 10**15) == []


def test_the_first_bad_block_is_named() -> None:
    error = give_up_on({7, 3}, 10, "y.npy")
    assert (error.exit_code, error.what.startswith("y.npy: block 3 of 10")) == (8, True)
