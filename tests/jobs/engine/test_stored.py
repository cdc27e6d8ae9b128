"""Facts of stored targets: fenced, summed as the file holds it, on disk when closed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from in_process_jobs import plan_arrays

from arraymill.jobs import disk
from arraymill.jobs.arrays import MemorySource, MemoryTarget, create_output
from arraymill.jobs.arrays.checksums import block_checksum
from arraymill.jobs.engine import Attempt, Fence, StaleEpochError, Work, output_regions, run_block

X = np.arange(600.0).reshape(20, 30)
CASES: list[tuple[str, dict[str, Any]]] = [("map", {"expr": "x + 1"}), ("sum", {"axis": 1}), ("matmul", {})]


def stored_work(tmp_path: Path, name: str, params: dict[str, Any], x: Any = X) -> tuple[Work, Any]:
    arrays = [x, x.T] if name == "matmul" else [x]
    plan: Any = plan_arrays(name, arrays, params, block_bytes=1200)
    sources = tuple(MemorySource(letter, array) for letter, array in zip("xy", arrays, strict=False))
    header = plan.output
    output = create_output(
        tmp_path / "out.npy", header.shape, header.dtype, header.order, replace=False, inputs=sources
    )
    (tmp_path / "epoch").write_text("3\n")
    fence = Fence(str(tmp_path / "epoch"), 3)
    return Work(plan.stage, sources, output.target, "numpy", fence=fence, durable=True), output


@pytest.mark.parametrize("n_splits", [0, 2])
@pytest.mark.parametrize("is_fortran", [False, True])
@pytest.mark.parametrize(("name", "params"), CASES)
def test_the_checksum_is_that_of_the_file_read_back_in_the_order_of_writing(
    name: str, params: dict[str, Any], is_fortran: bool, n_splits: int, tmp_path: Path
) -> None:
    work, output = stored_work(tmp_path, name, params, np.asfortranarray(X) if is_fortran else X)
    with output:
        for index in range(work.stage.grid.n_blocks):
            record = run_block(work, index, Attempt(2, n_splits)).record
            target = work.target.T if work.stage.reverse else work.target  # type: ignore[union-attr]
            regions = output_regions(work.stage, index, record.n_splits)
            # a sum over the rows of a file in Fortran order is made of parts, which the driver writes
            expected = block_checksum(target, regions) if work.stage.n_parts == 1 else None
            assert record.crc32 == expected
            assert (record.attempt, record.n_splits) == (2, n_splits)


@pytest.mark.parametrize(("name", "params"), CASES)
def test_a_block_of_an_earlier_epoch_writes_nothing(name: str, params: dict[str, Any], tmp_path: Path) -> None:
    work, output = stored_work(tmp_path, name, params)
    with output:
        (tmp_path / "epoch").write_text("4\n")
        with pytest.raises(StaleEpochError):
            run_block(work, 0)
        with work.target.reader() as reader:  # type: ignore[union-attr]
            held = np.empty(work.target.header.shape, work.target.header.dtype)  # type: ignore[union-attr]
            reader.read(tuple((0, n) for n in held.shape), held)
        assert not held.any()


def test_a_part_of_an_earlier_epoch_is_not_computed(tmp_path: Path) -> None:
    stage: Any = plan_arrays("sum", [X], block_bytes=1200).stage
    (tmp_path / "epoch").write_text("4\n")
    fence = Fence(str(tmp_path / "epoch"), 3)
    for target in (None, MemoryTarget(np.zeros(()))):
        with pytest.raises(StaleEpochError):
            run_block(Work(stage, (MemorySource("x", X),), target, "numpy", fence=fence, durable=True), 0)


@pytest.mark.parametrize(("name", "params"), CASES)
def test_a_block_is_on_disk_when_it_returns(
    name: str, params: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work, output = stored_work(tmp_path, name, params)
    synced: list[int] = []
    monkeypatch.setattr(disk, "fdatasync", synced.append)
    with output:
        run_block(work, 0)
        assert len(synced) == 1
        run_block(replace(work, durable=False), 0)
        assert len(synced) == 1


def test_without_a_journal_there_is_no_checksum(tmp_path: Path) -> None:
    work, output = stored_work(tmp_path, *CASES[0])
    with output:
        assert run_block(replace(work, durable=False), 0).record.crc32 is None
