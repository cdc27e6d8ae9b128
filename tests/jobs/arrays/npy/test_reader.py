from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from array_layouts import DTYPES, LAYOUTS, empty_like_layout, numbered, regions, same_bits
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from arraymill.jobs.arrays import open_source, transfer
from arraymill.jobs.arrays.npy import reader as npy_reader
from arraymill.jobs.blocks import as_slices, region_shape, whole_region
from arraymill.jobs.errors import InputChangedError, InputError


@pytest.fixture
def tiny_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every limit so low that small arrays meet it: gaps, scratch, runs, bytes and buffers per call."""
    monkeypatch.setattr(npy_reader, "SCRATCH_BYTES", 64)
    monkeypatch.setattr(npy_reader, "GAP_BYTES", 12)
    monkeypatch.setattr(npy_reader, "DIRECT_BYTES", 16)
    monkeypatch.setattr(transfer, "MAX_CALL_BYTES", 40)
    monkeypatch.setattr(transfer, "MAX_CALL_BUFFERS", 3)


def saved(folder: Path, array: NDArray[Any]) -> str:
    path = str(folder / "x.npy")
    np.save(path, array)
    return path


@given(data=st.data())
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def check_reads_like_numpy(folder: Path, data: st.DataObject) -> None:
    shape = data.draw(hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=7), label="shape")
    dtype = data.draw(st.sampled_from(DTYPES), label="dtype")
    array = numbered(shape, dtype)
    order: Any = data.draw(st.sampled_from("CF"), label="order")
    source = open_source(saved(folder, np.asarray(array, order=order)))
    expected = np.load(folder / "x.npy")
    if data.draw(st.booleans(), label="T"):
        source, expected = source.T, expected.T
    with source.open() as reader:
        for _ in range(3):
            region = data.draw(regions(expected.shape), label="region")
            out_dtype = data.draw(st.sampled_from([dtype, dtype.newbyteorder("=")]), label="out dtype")
            out = empty_like_layout(
                data.draw(st.sampled_from(LAYOUTS), label="layout"), region_shape(region), out_dtype
            )
            assert reader.read(region, out) >= out.nbytes
            assert same_bits(expected[as_slices(region)].reshape(out.shape), out)


@pytest.mark.usefixtures("tiny_limits")
def test_reads_like_numpy_with_tiny_limits(tmp_path: Path) -> None:
    check_reads_like_numpy(tmp_path)


def test_reads_like_numpy(tmp_path: Path) -> None:
    check_reads_like_numpy(tmp_path)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize(
    "region",
    [((0, 700), (0, 3000)), ((5, 600), (7, 2900)), ((0, 700), (5, 6)), ((3, 4), (0, 3000)), ((0, 700), (0, 1100))],
)
def test_large_regions_with_the_real_limits(tmp_path: Path, region: Any, order: Any) -> None:
    array = numbered((700, 3000), np.dtype("<f4"))
    source = open_source(saved(tmp_path, np.asarray(array, order=order)))
    with source.open() as reader:
        for layout in ("C", "F", "padded rows", "every other"):
            out = empty_like_layout(layout, region_shape(region), array.dtype)
            reader.read(region, out)
            assert same_bits(array[as_slices(region)], out)


def test_a_contiguous_region_is_one_call_straight_into_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    array = numbered((64, 512), np.dtype("<f8"))
    source = open_source(saved(tmp_path, array))
    out = np.empty((10, 512))
    calls = spy_on_preadv(monkeypatch)
    with source.open() as reader:
        assert reader.read(((5, 15), (0, 512)), out) == out.nbytes
    assert [(len(sizes), sum(sizes)) for sizes in calls] == [(1, out.nbytes)]
    assert same_bits(array[5:15], out)


def test_rows_of_a_wider_out_are_read_by_one_vectored_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    array = numbered((64, 512), np.dtype("<f8"))
    source = open_source(saved(tmp_path, array))
    out = np.zeros((10, 600))[:, :512]
    calls = spy_on_preadv(monkeypatch)
    with source.open() as reader:
        reader.read(((5, 15), (0, 512)), out)
    assert [len(sizes) for sizes in calls] == [10]
    assert same_bits(array[5:15], out)


def test_small_gaps_are_read_in_one_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = open_source(saved(tmp_path, numbered((1000, 100), np.dtype("<f8"))))
    calls = spy_on_preadv(monkeypatch)
    with source.open() as reader:
        moved = reader.read(((0, 1000), (3, 4)), np.empty((1000, 1)))
    assert [sum(sizes) for sizes in calls] == [moved] == [999 * 800 + 8]


def test_large_gaps_are_not_read(tmp_path: Path) -> None:
    source = open_source(saved(tmp_path, numbered((20, 4000), np.dtype("<f8"))))
    with source.open() as reader:
        assert reader.read(((0, 20), (3, 4)), np.empty((20, 1))) == 20 * 8


def spy_on_preadv(monkeypatch: pytest.MonkeyPatch) -> list[list[int]]:
    calls: list[list[int]] = []

    def preadv(descriptor: int, buffers: list[memoryview], offset: int) -> int:
        calls.append([buffer.nbytes for buffer in buffers])
        return os_preadv(descriptor, buffers, offset)

    os_preadv = os.preadv
    monkeypatch.setattr(os, "preadv", preadv)
    return calls


def test_short_reads_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    array = numbered((40, 30), np.dtype("<i4"))
    source = open_source(saved(tmp_path, array))
    os_preadv = os.preadv
    monkeypatch.setattr(os, "preadv", lambda fd, buffers, offset: os_preadv(fd, [buffers[0][:7]], offset))
    out = np.empty((40, 30), "<i4")
    with source.open() as reader:
        reader.read(whole_region(out.shape), out)
    assert same_bits(array, out)


def test_truncated_while_open_is_an_error_naming_the_byte(tmp_path: Path) -> None:
    path = saved(tmp_path, np.arange(1000.0))
    source = open_source(path)
    with pytest.raises(InputChangedError, match="truncated at byte 4000"), source.open() as reader:  # noqa: PT012
        os.truncate(path, 4000)
        reader.read(((0, 1000),), np.empty(1000))


def test_a_device_error_is_an_input_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = open_source(saved(tmp_path, np.arange(10.0)))

    def preadv(*_: object) -> int:
        raise OSError(5, "Input/output error")

    with source.open() as reader:
        monkeypatch.setattr(os, "preadv", preadv)
        with pytest.raises(InputError, match="Input/output error"):
            reader.read(((0, 10),), np.empty(10))


@pytest.mark.parametrize("region", [((0, 11),), ((-1, 3),), ((3, 2),), ((0, 1), (0, 1)), ()])
def test_a_region_outside_is_refused(tmp_path: Path, region: Any) -> None:
    source = open_source(saved(tmp_path, np.arange(10.0)))
    with source.open() as reader, pytest.raises(ValueError, match="not inside"):
        reader.read(region, np.empty(3))


def test_an_out_of_another_shape_or_dtype_is_refused(tmp_path: Path) -> None:
    source = open_source(saved(tmp_path, np.arange(10.0)))
    with source.open() as reader:
        with pytest.raises(ValueError, match="cannot hold the region"):
            reader.read(((0, 3),), np.empty(4))
        with pytest.raises(TypeError, match="cannot hold float64"):
            reader.read(((0, 3),), np.empty(3, np.float32))


def test_a_read_only_out_is_refused(tmp_path: Path) -> None:
    source = open_source(saved(tmp_path, np.arange(10.0)))
    out = np.empty(3)
    out.flags.writeable = False
    with source.open() as reader, pytest.raises(ValueError, match="read-only"):
        reader.read(((0, 3),), out)


def test_a_file_has_no_view(tmp_path: Path) -> None:
    with open_source(saved(tmp_path, np.arange(10.0))).open() as reader:
        assert reader.view(((0, 3),)) is None
