"""Blocks of whole chunks: each chunk is unpacked once, and every answer is what NumPy gives."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

import arraymill.jobs.arrays.chunked as chunked
import arraymill.jobs.operations.elementwise.map as elementwise
import arraymill.jobs.operations.layouts.copying as copying
import arraymill.jobs.operations.reductions.reduction as reductions
from arraymill.jobs import run
from arraymill.jobs.arrays.chunked import ChunkedReader, kept_bytes
from arraymill.jobs.blocks import Grid, Region, Shape, as_slices, offset_region, region_shape
from arraymill.jobs.headers import ArrayHeader
from arraymill.jobs.limits import Budget
from arraymill.jobs.operations import OPERATIONS
from arraymill.jobs.plans.planning import Plan, plan_job
from arraymill.jobs.stored_chunks import aligned_chunks, holds_row, reduced_chunks, stored_chunks

SQUARES = (100_000, 100_000), (1000, 1000)
VOLUME = (1000, 4000, 4000), (10, 400, 400)
F4 = np.dtype("f4")


def header(shape: Shape, chunks: Shape, dtype: np.dtype[Any] = F4) -> ArrayHeader:
    return ArrayHeader("x", shape, dtype, reader_bytes=kept_bytes(shape, dtype.itemsize, chunks), chunks=chunks)


def planned(op: str, shape: Shape, chunks: Shape, **params: Any) -> Plan:
    return plan_job(OPERATIONS[op], [header(shape, chunks)], params, budget=Budget(16 << 30))


def unpacked_ratio(plan: Plan) -> float:
    """Return how many times the elements of a block from the middle are unpacked, read piece by piece as a job does."""
    (x,) = plan.inputs
    n_unpacked = 0

    def load(region: Region, out: NDArray[Any]) -> None:
        nonlocal n_unpacked
        n_unpacked += math.prod(region_shape(region))

    reader = ChunkedReader(x, x.chunks, load)
    block = plan.stage.grid.region(plan.stage.grid.n_blocks // 2)
    pieces: Shape = plan.stage.pieces  # type: ignore[union-attr]
    for piece in Grid(region_shape(block), pieces).regions():
        region = offset_region(piece, [start for start, _ in block])
        # of any size, and no memory
        reader.read(region, np.lib.stride_tricks.as_strided(np.empty(1, x.dtype), region_shape(region), (0,) * x.ndim))
    return n_unpacked / math.prod(region_shape(block))


@pytest.mark.parametrize("stored", [SQUARES, VOLUME, ((10**9,), (10**6,)), ((5000, 512, 512), (64, 64, 64))], ids=str)
@pytest.mark.parametrize(("op", "params"), [("map", {"expr": "x*2"}), ("convert", {"dtype": "float64"})])
def test_what_is_moved_is_unpacked_once(op: str, params: dict[str, Any], stored: tuple[Shape, Shape]) -> None:
    assert unpacked_ratio(planned(op, *stored, **params)) == 1


@pytest.mark.parametrize("stored", [SQUARES, VOLUME], ids=str)
@pytest.mark.parametrize("axis", [0, 1, -1, None])
def test_chunks_in_long_rows_are_unpacked_once_by_reductions(axis: int | None, stored: tuple[Shape, Shape]) -> None:
    plan = planned("sum", *stored, axis=axis)
    assert unpacked_ratio(plan) == 1
    assert plan.task_host_bytes < 80 << 20


def test_chunks_in_short_rows_change_no_block_of_a_reduction() -> None:
    shape, chunks = (20_000, 8000), (1000, 1000)
    plain = plan_job(OPERATIONS["sum"], [ArrayHeader("x", shape, F4)], {"axis": 0}, budget=Budget(16 << 30))
    assert planned("sum", shape, chunks, axis=0).stage.grid == plain.stage.grid


def test_chunks_longer_than_the_array_change_no_block_of_a_reduction() -> None:
    shape, chunks = (10, 10**6), (16, 100)
    assert holds_row(header(shape, chunks, np.dtype("f8")))
    plain = plan_job(OPERATIONS["sum"], [ArrayHeader("x", shape, F4)], {"axis": 1}, budget=Budget(16 << 30))
    assert planned("sum", shape, chunks, axis=1).stage.grid == plain.stage.grid


def test_blocks_depend_on_no_number_of_workers() -> None:
    plans = [
        plan_job(OPERATIONS["sum"], [header(*SQUARES)], {"axis": 0}, budget=Budget(16 << 30), n_workers=n)
        for n in (1, 64)
    ]
    assert plans[0].stage.grid == plans[1].stage.grid


LENGTHS = st.lists(st.tuples(st.integers(1, 60), st.integers(1, 70)), min_size=1, max_size=3)


@given(LENGTHS, st.integers(1, 5000), st.integers(1, 5000))
def test_blocks_end_where_chunks_do(lengths: list[tuple[int, int]], largest: int, held: int) -> None:
    shape, chunks = tuple(n for n, _ in lengths), tuple(c for _, c in lengths)
    x = ArrayHeader("x", shape, np.dtype("u1"), reader_bytes=held, chunks=chunks)
    blocks = aligned_chunks(x, largest)
    if blocks is None:
        assert math.prod(map(min, chunks, shape)) > min(largest, held)
        return
    assert math.prod(blocks) <= largest
    assert all(block % chunk == 0 or block == n for block, chunk, n in zip(blocks, chunks, shape, strict=True))
    row = min(chunks[0], shape[0]) * math.prod(blocks[1:])
    assert row <= held


@given(LENGTHS, st.integers(1, 5000), st.integers(1, 5000), st.integers(1, 500), st.data())
def test_reduced_blocks_are_short_where_they_are_not_whole(
    lengths: list[tuple[int, int]], largest: int, held: int, most_kept: int, data: st.DataObject
) -> None:
    shape, chunks = tuple(n for n, _ in lengths), tuple(c for _, c in lengths)
    x = ArrayHeader("x", shape, np.dtype("u1"), reader_bytes=held, chunks=chunks)
    axes = data.draw(st.sets(st.integers(0, len(shape) - 1), min_size=1))
    blocks = reduced_chunks(x, sorted(axes), largest, most_kept=most_kept)
    if blocks is None:
        return
    assert not holds_row(x)
    assert math.prod(blocks) <= 4 * largest
    kept = math.prod(n for axis, n in enumerate(blocks) if axis not in axes)
    assert kept <= most_kept or all(blocks[axis] == shape[axis] for axis in axes)


def test_the_largest_input_of_the_shape_counts() -> None:
    x, y = header((40, 90), (5, 9)), header((40, 90), (4, 9), np.dtype("f8"))
    assert stored_chunks([x, y], (40, 90)) == y
    assert stored_chunks([x], (90, 40), reverse=True) == x.T
    assert stored_chunks([x, ArrayHeader("z", (40, 90), F4)], (2, 40, 90)) is None


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows of chunks are long, and blocks are small."""
    monkeypatch.setattr(chunked, "LOAD_BYTES", 2000)
    monkeypatch.setattr(chunked, "MOST_KEPT_BYTES", 3000)
    monkeypatch.setattr(reductions, "_LEAST_BLOCK_BYTES", {"cpu": 4000, "cuda": 4000})
    monkeypatch.setattr(elementwise, "_BLOCK_BYTES", {"cpu": 4000, "cuda": 4000})
    monkeypatch.setattr(copying, "BLOCK_BYTES", 4000)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(
    "stored", [((40, 90), (5, 9)), ((11, 24, 30), (3, 5, 7)), ((6, 5, 8, 9), (2, 2, 3, 4))], ids=str
)
def test_answers_are_those_of_numpy(tmp_path: Path, stored: tuple[Shape, Shape]) -> None:
    shape, chunks = stored
    x = np.random.default_rng(5).integers(-50, 50, shape).astype("f8")
    zarr.create_array(tmp_path / "x", data=x, chunks=chunks)
    path = str(tmp_path / "x")
    for op in ("sum", "var", "max", "argmin", "count_nonzero", "nanmean"):
        for axis in (None, *range(x.ndim), *([(0, 2)] if x.ndim > 2 and op != "argmin" else [])):
            expected = getattr(np, op)(x, axis=axis)
            np.testing.assert_allclose(run(op, path, axis=axis, cluster="inline"), expected, rtol=1e-12, err_msg=op)
    assert (run("map", path, expr="x * 2", cluster="inline") == x * 2).all()
    assert (run("convert", path, dtype="float32", cluster="inline") == x).all()
    assert (run("map", path, x[0], expr="x - y", cluster="inline") == x - x[0]).all()


@pytest.mark.usefixtures("small")
def test_blocks_of_whole_chunks_are_written_where_they_belong(tmp_path: Path) -> None:
    x = np.arange(11 * 24 * 30.0).reshape(11, 24, 30)
    zarr.create_array(tmp_path / "x", data=x, chunks=(3, 5, 7))
    for name in ("y.npy", "y.zarr", "y.h5"):
        run("map", str(tmp_path / "x"), expr="x + 1", output=tmp_path / name, cluster="inline")
        assert (run("convert", str(tmp_path / name), dtype="float64", cluster="inline") == x + 1).all()
    block = as_slices(((0, 3), (5, 10), (7, 14)))
    assert (np.load(tmp_path / "y.npy", mmap_mode="r")[block] == x[block] + 1).all()
