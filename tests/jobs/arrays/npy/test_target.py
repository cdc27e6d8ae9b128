from __future__ import annotations

import multiprocessing
import os
import resource
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from array_layouts import DTYPES, LAYOUTS, empty_like_layout, numbered, regions, same_bits
from array_processes import write_block
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from arraymill.jobs.arrays import Target, create_output, transfer
from arraymill.jobs.arrays.npy import target as npy_target
from arraymill.jobs.blocks import Grid, as_slices, region_shape
from arraymill.jobs.errors import DiskFullError, JobError, OutputFailedError


@pytest.fixture
def tiny_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every limit so low that small arrays meet it."""
    monkeypatch.setattr(npy_target, "SCRATCH_BYTES", 64)
    monkeypatch.setattr(npy_target, "DIRECT_BYTES", 16)
    monkeypatch.setattr(transfer, "MAX_CALL_BYTES", 40)
    monkeypatch.setattr(transfer, "MAX_CALL_BUFFERS", 3)


@given(data=st.data())
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def check_writes_like_numpy(folder: Path, data: st.DataObject) -> None:
    shape = data.draw(hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=7), label="shape")
    dtype = data.draw(st.sampled_from(DTYPES), label="dtype")
    order: Any = data.draw(st.sampled_from("CF"), label="order")
    expected = np.zeros(shape, dtype)
    path = folder / "y.npy"
    with create_output(path, shape, dtype, order, replace=True, inputs=[]) as output:
        target: Target = output.target
        if data.draw(st.booleans(), label="T"):
            target, expected = target.T, expected.T
        with target.open() as writer:
            for _ in range(3):
                region = data.draw(regions(expected.shape), label="region")
                block_dtype = data.draw(st.sampled_from([dtype, dtype.newbyteorder("S")]), label="block dtype")
                layout = data.draw(st.sampled_from(LAYOUTS), label="layout")
                block = empty_like_layout(layout, region_shape(region), block_dtype)
                block[...] = numbered(block.shape, dtype)
                assert writer.write(region, block) == block.nbytes
                expected[(*as_slices(region), ...)] = block
        output.publish()
    actual = np.load(path)
    assert same_bits(expected, actual if actual.shape == expected.shape and target is output.target else actual.T)
    assert len(shape) < 2 or min(shape) < 2 or actual.flags.f_contiguous == (order == "F")


@pytest.mark.usefixtures("tiny_limits")
def test_writes_like_numpy_with_tiny_limits(tmp_path: Path) -> None:
    check_writes_like_numpy(tmp_path)


def test_writes_like_numpy(tmp_path: Path) -> None:
    check_writes_like_numpy(tmp_path)


def test_several_processes_write_one_file(tmp_path: Path) -> None:
    grid = Grid((50, 70), (13, 11))
    with create_output(tmp_path / "y.npy", (50, 70), np.dtype("<i4"), "F", replace=False, inputs=[]) as output:
        with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
            written = sum(pool.map(write_block, [output.target] * grid.n_blocks, grid.regions()))
        output.publish()
    expected = np.empty((50, 70), "<i4")
    for region in grid.regions():
        expected[as_slices(region)] = region[0][0] * 100 + region[1][0]
    assert (expected.nbytes, True) == (written, same_bits(expected, np.load(tmp_path / "y.npy")))


def test_short_writes_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os_pwritev = os.pwritev
    block = numbered((40, 30), np.dtype("<i4"))
    with create_output(tmp_path / "y.npy", (40, 30), block.dtype, "C", replace=False, inputs=[]) as output:
        monkeypatch.setattr(os, "pwritev", lambda fd, buffers, offset: os_pwritev(fd, [buffers[0][:7]], offset))
        with output.target.open() as writer:
            writer.write(((0, 40), (0, 30)), block)
        output.publish()
    assert same_bits(block, np.load(tmp_path / "y.npy"))


def test_nothing_outside_the_region_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []
    os_pwritev = os.pwritev

    def pwritev(descriptor: int, buffers: list[memoryview], offset: int) -> int:
        sizes.append(sum(buffer.nbytes for buffer in buffers))
        return os_pwritev(descriptor, buffers, offset)

    with create_output(tmp_path / "y.npy", (20, 30), np.dtype("<i4"), "C", replace=False, inputs=[]) as output:
        monkeypatch.setattr(os, "pwritev", pwritev)
        with output.target.open() as writer:
            writer.write(((3, 8), (2, 29)), np.ones((5, 27), np.int32))
    assert sizes == [27 * 4] * 5


def test_leaving_syncs_only_if_told_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced = []
    monkeypatch.setattr(os, "fdatasync", synced.append)
    with create_output(tmp_path / "y.npy", (3,), np.dtype("<i4"), "C", replace=False, inputs=[]) as output:
        with output.target.open():
            assert synced == []
        assert synced == []
        with output.target.open(durable=True):
            pass
    assert len(synced) == 1


def test_a_late_writer_of_another_file_is_refused(tmp_path: Path) -> None:
    with create_output(tmp_path / "y.npy", (3,), np.dtype("<i4"), "C", replace=False, inputs=[]) as first:
        late = first.target
        first._partial.close()  # as if that run had died
        with create_output(tmp_path / "y.npy", (3,), np.dtype("<i4"), "C", replace=False, inputs=[]) as second:
            with pytest.raises(JobError, match="replaced"), late.open():
                pass
            second.publish()
    with pytest.raises(JobError, match="temporary file is gone"), late.open():
        pass


@contextmanager
def file_size_limit(n_bytes: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_limit_of_file_size_is_a_full_disk(tmp_path: Path) -> None:
    with (
        create_output(tmp_path / "y.npy", (10_000,), np.dtype("<f8"), "C", replace=False, inputs=[]) as output,
        output.target.open() as writer,
        file_size_limit(8192),
        pytest.raises(DiskFullError, match="full"),
    ):
        writer.write(((0, 10_000),), np.ones(10_000))


def test_a_device_that_fails_may_work_a_moment_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fdatasync(_: int) -> None:
        raise OSError(5, "Input/output error")

    with create_output(tmp_path / "y.npy", (3,), np.dtype("<f8"), "C", replace=False, inputs=[]) as output:
        monkeypatch.setattr(os, "fdatasync", fdatasync)
        with pytest.raises(OutputFailedError, match="Input/output error"), output.target.open(durable=True):
            pass


def test_a_block_of_another_kind_is_refused(tmp_path: Path) -> None:
    with (
        create_output(tmp_path / "y.npy", (3,), np.dtype("<f8"), "C", replace=False, inputs=[]) as output,
        output.target.open() as writer,
    ):
        with pytest.raises(TypeError, match="float32"):
            writer.write(((0, 3),), np.ones(3, np.float32))
        with pytest.raises(ValueError, match="not inside"):
            writer.write(((1, 4),), np.ones(3))
