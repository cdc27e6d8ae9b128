from __future__ import annotations

import tracemalloc
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from array_layouts import DTYPES, LAYOUTS, empty_like_layout, numbered, regions
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from arraymill.jobs.arrays import (
    MemoryTarget,
    SummingWriter,
    Target,
    block_checksum,
    checksum,
    checksums,
    create_output,
)
from arraymill.jobs.blocks import region_shape
from arraymill.jobs.errors import JobError
from arraymill.jobs.headers import ArrayHeader

F8 = np.dtype("<f8")
SHAPES = npst.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=6)
tiny = settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


@pytest.fixture(params=[None, 24], ids=["usual pieces", "tiny pieces"])
def piece_bytes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param is not None:
        monkeypatch.setattr(checksums, "PIECE_BYTES", request.param)
        monkeypatch.setattr(checksums, "DIRECT_BYTES", request.param)


@pytest.mark.usefixtures("piece_bytes")
@tiny
@given(
    shape=SHAPES, dtype=st.sampled_from(DTYPES), stored=st.sampled_from("=S"), layout=st.sampled_from(LAYOUTS),
    order=st.sampled_from("CF"),
)  # fmt: skip
def test_it_is_the_crc_of_the_elements_as_the_file_has_them(
    shape: tuple[int, ...], dtype: np.dtype[Any], stored: str, layout: str, order: Any
) -> None:
    block = empty_like_layout(layout, shape, dtype)
    block[...] = numbered(shape, dtype)
    header = ArrayHeader("y", shape, dtype.newbyteorder(stored), order)
    in_file = block.astype(header.dtype).tobytes(order)
    assert zlib.crc32(in_file, 7) == checksum(block, header, 7)
    assert checksum(block, header) == checksum(block.T, header.T)


@pytest.mark.usefixtures("piece_bytes")
@tiny
@given(
    shape=SHAPES, dtype=st.sampled_from(DTYPES), order=st.sampled_from("CF"), in_memory=st.booleans(), data=st.data()
)
def test_what_was_written_reads_back_with_the_same_checksum(
    tmp_path: Path, shape: tuple[int, ...], dtype: np.dtype[Any], order: Any, in_memory: bool, data: st.DataObject
) -> None:
    with create_output(tmp_path / "y.npy", shape, dtype, order, replace=False, inputs=()) as output:
        target: Target = MemoryTarget(np.zeros(shape, dtype, order)) if in_memory else output.target
        if data.draw(st.booleans(), label="T"):
            target = target.T
        # regions of a block do not overlap: those along one axis
        whole = data.draw(regions(target.header.shape), label="block")
        pieces = [whole] if not shape else [((i, i + 1), *whole[1:]) for i in range(*whole[0])]
        pieces = data.draw(st.permutations(pieces), label="order of writing")
        with target.open() as opened:
            writer = SummingWriter(opened, target.header)
            for region in pieces:
                block = empty_like_layout(
                    data.draw(st.sampled_from(LAYOUTS), label="layout"),
                    region_shape(region),
                    dtype.newbyteorder(data.draw(st.sampled_from("=S"), label="byte order")),
                )
                block[...] = numbered(block.shape, dtype)
                assert writer.write(region, block) == block.nbytes
        assert writer.crc == block_checksum(target, pieces)
        transposed = [region[::-1] for region in pieces]
        assert writer.crc == block_checksum(target.T, transposed if len(shape) > 1 else pieces)


def peak_bytes(function: Any, *args: Any) -> int:
    tracemalloc.start()
    try:
        function(*args)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("order", ["C", "F"])
def test_a_block_in_the_layout_of_the_file_is_not_copied(order: Any) -> None:
    block = np.ones((1000, 1000), F8, order)
    assert peak_bytes(checksum, block, ArrayHeader("y", block.shape, F8, order)) < block.nbytes // 2


@pytest.mark.parametrize("dtype", ["<f8", ">f8"])
def test_any_other_block_is_converted_in_parts(dtype: str) -> None:
    block = np.ones((1000, 1000), F8, "F")
    assert peak_bytes(checksum, block, ArrayHeader("y", block.shape, np.dtype(dtype))) < block.nbytes // 2


def test_reading_back_takes_little_memory(tmp_path: Path) -> None:
    with create_output(tmp_path / "y.npy", (2000, 1000), F8, "F", replace=False, inputs=()) as output:
        regions = [((0, 1000), (0, 1000)), ((1000, 2000), (0, 1000))]
        assert peak_bytes(block_checksum, output.target, regions) < 8_000_000


def test_one_wrong_bit_is_seen(tmp_path: Path) -> None:
    block = np.arange(24.0).reshape(4, 6)
    with create_output(tmp_path / "y.npy", (4, 6), F8, "C", replace=False, inputs=()) as output:
        with output.target.open() as writer:
            writer.write(((0, 4), (0, 6)), block)
        written = checksum(block, output.target.header)
        with (tmp_path / "y.npy.partial").open("r+b") as file:
            for place in range(4096 * 8, (4096 + 24 * 8) * 8):
                flip_bit(file, place)
                assert block_checksum(output.target, [((0, 4), (0, 6))]) != written
                flip_bit(file, place)
        assert block_checksum(output.target, [((0, 4), (0, 6))]) == written


def flip_bit(file: Any, place: int) -> None:
    file.seek(place // 8)
    (byte,) = file.read(1)
    file.seek(place // 8)
    file.write(bytes([byte ^ 1 << place % 8]))
    file.flush()


def test_the_order_of_writing_counts() -> None:
    target = MemoryTarget(np.arange(4.0))
    one, other = ((0, 2),), ((2, 4),)
    assert block_checksum(target, [one, other]) != block_checksum(target, [other, one])


def test_a_file_that_is_gone_replaced_or_cut_is_a_job_error(tmp_path: Path) -> None:
    partial = tmp_path / "y.npy.partial"
    with create_output(tmp_path / "y.npy", (1000,), F8, "C", replace=False, inputs=()) as output:
        with partial.open("r+b") as file:
            file.truncate(4096)
        with pytest.raises(JobError, match="cannot be read back"):
            block_checksum(output.target, [((0, 1000),)])
        partial.rename(tmp_path / "moved")
        with pytest.raises(JobError, match="is gone"):
            block_checksum(output.target, [((0, 1000),)])
        partial.write_bytes(b"not ours")
        with pytest.raises(JobError, match="replaced"):
            block_checksum(output.target, [((0, 1000),)])
