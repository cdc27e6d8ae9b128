"""What every format that is read promises: any region, bit by bit, anywhere; and a clear error for what is broken."""

from __future__ import annotations

import multiprocessing
import shutil
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from array_layouts import DTYPES, LAYOUTS, empty_like_layout, numbered, regions, same_bits
from hypothesis import given, settings
from hypothesis import strategies as st
from stored_arrays import FORMATS, STREAMED, read, store, stored

from arraymill.jobs.arrays import Source, open_input
from arraymill.jobs.arrays.forward import forward_regions
from arraymill.jobs.blocks import Region, as_slices, region_shape
from arraymill.jobs.errors import InputChangedError, InputError

BY_REGION = [kind for kind in FORMATS if kind not in STREAMED]
ARRAY = numbered((9, 8), np.dtype("<f8"))
SHAPES = st.lists(st.integers(0, 7), max_size=3).map(tuple)


@pytest.fixture(params=FORMATS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def whole(source: Source) -> np.ndarray[Any, Any]:
    """Return all of a source, in a few regions."""
    out = np.empty(source.header.shape, source.header.dtype)
    with source.open() as reader:
        for region in forward_regions(source.header, 300):
            reader.read(region, out[(*as_slices(region), ...)])
    return out


@pytest.mark.parametrize("kind", BY_REGION)
@given(st.data())
@settings(max_examples=15)
def test_any_region_of_any_array(kind: str, data: st.DataObject) -> None:
    shape, dtype = data.draw(SHAPES), data.draw(st.sampled_from(DTYPES))
    array = np.asarray(numbered(shape, dtype), order=data.draw(st.sampled_from("CF")))
    with TemporaryDirectory() as folder:
        source = stored(kind, Path(folder, "x"), array)
        assert (source.header.shape, source.header.dtype.newbyteorder("=")) == (shape, dtype.newbyteorder("="))
        if data.draw(st.booleans()):
            source, array = source.T, array.T
        with source.open() as reader:
            for region in data.draw(st.lists(regions(array.shape), min_size=1, max_size=4)):
                native = data.draw(st.sampled_from([source.header.dtype, source.header.dtype.newbyteorder("=")]))
                out = empty_like_layout(data.draw(st.sampled_from(LAYOUTS)), region_shape(region), native)
                expected = array[(*as_slices(region), ...)]
                reader.expect(region)
                reader.read(region, out)
                assert same_bits(expected, out)
                view = reader.view(region)
                assert view is None or (same_bits(expected, view) and not view.flags.writeable)


@pytest.mark.parametrize("kind", STREAMED)
@given(st.data())
@settings(max_examples=15)
def test_a_stream_gives_consecutive_regions(kind: str, data: st.DataObject) -> None:
    shape, dtype = data.draw(SHAPES), data.draw(st.sampled_from(DTYPES))
    array = np.asarray(numbered(shape, dtype), order=data.draw(st.sampled_from("CF")))
    with TemporaryDirectory() as folder:
        source = stored(kind, Path(folder, "x"), array)
        assert source.is_streamed  # type: ignore[attr-defined]
        if data.draw(st.booleans()):
            source, array = source.T, array.T
        with source.open() as reader:
            for region in forward_regions(source.header, data.draw(st.integers(1, 100))):
                if data.draw(st.integers(0, 4)) == 0:
                    continue
                out = empty_like_layout(data.draw(st.sampled_from(LAYOUTS)), region_shape(region), dtype)
                reader.read(region, out)
                assert same_bits(array[(*as_slices(region), ...)], out)
        assert same_bits(array, whole(source))


def test_other_processes_read_the_same(tmp_path: Path) -> None:
    sources = [stored(kind, tmp_path / str(number), ARRAY) for number, kind in enumerate(FORMATS)]
    assert len({*sources}) == len(sources)
    region: Region = ((2, 7), (0, 8))
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        for block in pool.map(read, sources, [region] * len(sources)):
            assert same_bits(ARRAY[2:7], block)


@pytest.mark.parametrize("kind", BY_REGION)
def test_threads_read_at_once(tmp_path: Path, kind: str) -> None:
    array = numbered((60, 50), np.dtype("<f8"))
    source = stored(kind, tmp_path / "x", array)
    rows: list[Region] = [((start, start + 5), (0, 50)) for start in range(0, 60, 5)]
    with ThreadPoolExecutor(4) as pool:
        blocks = list(pool.map(read, [source] * len(rows), rows))
    assert same_bits(array, np.concatenate(blocks))


@pytest.mark.parametrize("shape", [(), (0,), (3, 0, 2)])
def test_arrays_without_axes_or_elements(tmp_path: Path, kind: str, shape: tuple[int, ...]) -> None:
    array = numbered(shape, np.dtype("<i4"))
    assert same_bits(array, whole(stored(kind, tmp_path / "x", array)))


def files_of(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_a_truncated_file_is_told_of(tmp_path: Path, kind: str) -> None:
    entry = store(kind, tmp_path / "x", ARRAY)
    biggest = max(files_of(tmp_path), key=lambda path: path.stat().st_size)
    content = biggest.read_bytes()
    for length in (0, 1, len(content) // 2, len(content) - 1):
        biggest.write_bytes(content[:length])
        with pytest.raises(InputError) as caught:
            whole(open_input(entry))
        assert (caught.value.exit_code, str(tmp_path / "x") in caught.value.what) == (3, True)
        assert caught.value.cause


def test_a_corrupt_file_is_told_of_or_read(tmp_path: Path, kind: str) -> None:
    entry = store(kind, tmp_path / "x", ARRAY)
    random = np.random.default_rng(len(kind))
    for path in files_of(tmp_path)[-2:]:
        content = path.read_bytes()
        for place in random.integers(0, len(content), 6):
            path.write_bytes(content[:place] + random.bytes(16) + content[place + 16 :])
            # and nothing else
            with suppress(InputError):
                whole(open_input(entry))
        path.write_bytes(content)


def test_a_change_after_planning_is_told_of(tmp_path: Path, kind: str) -> None:
    source = stored(kind, tmp_path / "x", ARRAY)
    # more than the clock of the file system ticks
    time.sleep(0.02)
    for path in files_of(tmp_path):
        path.write_bytes(path.read_bytes())
    with pytest.raises(InputChangedError, match="changed since the job was planned"):
        whole(source)


def test_a_file_that_is_gone_is_told_of(tmp_path: Path, kind: str) -> None:
    source = stored(kind, tmp_path / "x", ARRAY)
    shutil.rmtree(tmp_path)
    with pytest.raises(InputError) as caught:
        whole(source)
    assert caught.value.exit_code == 3
