"""What every format of outputs must hold, whatever it is: the same bits, from many processes, after any stop."""

from __future__ import annotations

import itertools
import json
import multiprocessing
import shutil
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pyarrow.parquet
import pytest
import zarr
from array_layouts import numbered, same_bits
from array_processes import F8, write_block
from numpy.typing import NDArray

from arraymill.jobs.arrays import (
    Output,
    adopt_output,
    create_output,
    load_output,
    open_source,
    output_file,
    was_published,
)
from arraymill.jobs.blocks import Grid, as_slices, whole_region
from arraymill.jobs.errors import OutputError, OutputLockedError
from arraymill.jobs.headers import ArrayHeader

TABLES = ["y.csv", "y.tsv", "y.parquet"]
NAMES = ["y.npy", "y.npz", "y.npz::w", "y.zarr", "y.zarr::g/h/w", "y.h5", "y.hdf5::g/w", *TABLES]
SHAPES = [(), (0,), (3, 0, 2), (5,), (7, 3), (2, 3, 4)]
DTYPES = [np.dtype(code) for code in ("?", "i1", ">i8", "<u8", "f2", ">f4", "<f8", "<c8", ">c16")]


def foreign(path: str, header: ArrayHeader) -> NDArray[Any]:
    """Read an output with the library of its format."""
    file, _, member = path.partition("::")
    suffix = Path(file).suffix
    if suffix == ".npy":
        return np.load(file)
    if suffix == ".npz":
        with np.load(file) as archive:
            return archive[member or "arr_0"]
    if suffix == ".zarr":
        store = zarr.open(file, mode="r")
        return np.asarray((store[member] if member else store)[...])
    if suffix in (".h5", ".hdf5"):
        with h5py.File(file) as opened:
            return np.asarray(opened[member or "data"][...])
    if suffix == ".parquet":
        table = pyarrow.parquet.read_table(file)
        assert table.column_names == [str(number) for number in range(table.num_columns)]
        columns = np.column_stack([column.to_numpy() for column in table.columns])
        return columns.reshape(header.shape)
    if header.size == 0:
        return np.empty(header.shape, header.dtype)
    read_as = np.dtype("u1") if header.dtype.kind == "b" else header.dtype.newbyteorder("=")
    delimiter = "\t" if suffix == ".tsv" else ","
    return np.loadtxt(file, read_as, delimiter=delimiter, ndmin=2).reshape(header.shape).astype(header.dtype)


def write_all(output: Output, array: NDArray[Any]) -> None:
    with output.target.open() as writer:
        writer.write(whole_region(array.shape), array)


def fill(path: str, array: NDArray[Any], order: Any = "C", **options: Any) -> None:
    options = {"replace": False, "inputs": ()} | options
    with create_output(path, array.shape, array.dtype, order, **options) as output:
        write_all(output, array)
        output.publish()


def finite(array: NDArray[Any]) -> NDArray[Any]:
    # payloads of NaN are not numbers, and text has none
    return np.nan_to_num(array).astype(array.dtype).reshape(array.shape) if array.dtype.kind in "fc" else array


@pytest.mark.parametrize("name", NAMES)
def test_every_array_reads_back_bit_by_bit(tmp_path: Path, name: str) -> None:
    is_table = name in TABLES
    shapes = [shape for shape in SHAPES if not is_table or len(shape) in (1, 2)]
    dtypes = [dtype for dtype in DTYPES if not is_table or dtype.kind != "c"]
    for number, (shape, dtype) in enumerate(itertools.product(shapes, dtypes)):
        folder = tmp_path / str(number)
        folder.mkdir()
        array, order = finite(numbered(shape, dtype)), "CF"[number % 2]
        path = str(folder / name)
        fill(path, array, order)
        header = ArrayHeader(path, shape, dtype, order)
        assert same_bits(array, foreign(path, header)), (shape, dtype)
        assert same_bits(array, np.asarray(load_output(path, header)[...])), (shape, dtype)
        assert [output_file(path)] == list(folder.iterdir())


@pytest.mark.parametrize("name", NAMES)
def test_floats_that_are_no_numbers_are_kept(tmp_path: Path, name: str) -> None:
    array = np.array([np.nan, np.inf, -np.inf, -0.0, 5e-324, 1.7976931348623157e308])
    path = str(tmp_path / name)
    fill(path, array)
    assert same_bits(array, foreign(path, ArrayHeader(path, array.shape, array.dtype)))


@pytest.fixture(scope="module")
def processes() -> Iterator[ProcessPoolExecutor]:
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield pool


@pytest.mark.parametrize("chunks", [(2, 3), (1, 7), (5, 2)])
@pytest.mark.parametrize("name", NAMES)
def test_processes_write_any_grid_of_regions(
    tmp_path: Path, processes: ProcessPoolExecutor, name: str, chunks: tuple[int, int]
) -> None:
    path, grid, expected = str(tmp_path / name), Grid((5, 7), chunks), np.empty((5, 7))
    with create_output(path, (5, 7), F8, "C", replace=False, inputs=()) as output:
        regions = list(grid.regions())[::-1]
        for region in regions:
            expected[as_slices(region)] = region[0][0] * 100 + region[1][0]
        assert sum(processes.map(write_block, [output.target] * len(regions), regions)) == expected.nbytes
        output.publish()
    assert same_bits(expected, foreign(path, ArrayHeader(path, (5, 7), F8)))


KIND: Any = ((3, 4), F8, "C")
WHOLE = np.arange(12.0).reshape(3, 4)
HEADER = ArrayHeader("y", (3, 4), F8)


@pytest.mark.parametrize("name", NAMES)
def test_an_output_is_kept_adopted_and_known_when_it_is_published(tmp_path: Path, name: str) -> None:
    path = str(tmp_path / name)
    with create_output(path, *KIND, replace=False, inputs=()) as output:
        with output.target.open(durable=True) as writer:
            writer.write(((0, 2), (0, 4)), WHOLE[:2])
        info = json.loads(json.dumps(output.info()))
        output.keep()
    assert not was_published(path, *KIND, info=info)
    with adopt_output(path, *KIND, replace=False, info=info) as output:
        with pytest.raises(OutputLockedError):
            create_output(path, *KIND, replace=True, inputs=())
        with output.target.open() as writer:
            writer.write(((2, 3), (0, 4)), WHOLE[2:])
        output.prepare()
        output.prepare()
        info = json.loads(json.dumps(output.info()))
        assert not output_file(path).exists()
        output.keep()
    assert not was_published(path, *KIND, info=info)
    with adopt_output(path, *KIND, replace=False, info=info) as output:
        output.prepare()
        info = json.loads(json.dumps(output.info()))
        output.publish()
        output.publish()
        output.keep()
    output.discard()
    assert same_bits(WHOLE, foreign(path, HEADER))
    assert was_published(path, *KIND, info=info)
    assert [output_file(path)] == list(tmp_path.iterdir())


@pytest.mark.parametrize("name", NAMES)
def test_what_is_discarded_leaves_nothing(tmp_path: Path, name: str) -> None:
    path = str(tmp_path / name)
    with create_output(path, *KIND, replace=False, inputs=()) as output:
        output.prepare()
    with pytest.raises(KeyError), create_output(path, *KIND, replace=False, inputs=()):
        raise KeyError
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", NAMES)
def test_an_output_is_replaced_only_if_it_may_be(tmp_path: Path, name: str) -> None:
    path = str(tmp_path / name)
    fill(path, -WHOLE)
    with pytest.raises(OutputError, match="exists"):
        create_output(path, *KIND, replace=False, inputs=())
    with create_output(path, *KIND, replace=True, inputs=()) as output:
        write_all(output, WHOLE)
        assert same_bits(-WHOLE, foreign(path, HEADER))
        output.publish()
    assert same_bits(WHOLE, foreign(path, HEADER))
    assert [output_file(path)] == list(tmp_path.iterdir())


@pytest.mark.parametrize("name", NAMES)
def test_what_appears_meanwhile_is_not_replaced(tmp_path: Path, name: str) -> None:
    path, other = str(tmp_path / name), str(tmp_path / f"other-{name}")
    fill(other, -WHOLE)
    with create_output(path, *KIND, replace=False, inputs=()) as output:
        write_all(output, WHOLE)
        output_file(other).rename(output_file(path))
        with pytest.raises(OutputError, match="appeared"):
            output.publish()
        output_file(path).rename(output_file(other))
        output.publish()
    assert same_bits(WHOLE, foreign(path, HEADER))
    assert sorted([output_file(path), output_file(other)]) == sorted(tmp_path.iterdir())


@pytest.mark.parametrize("name", NAMES)
def test_an_input_is_never_the_output(tmp_path: Path, name: str) -> None:
    path = output_file(tmp_path / name)
    inside = path / "x.npy" if path.suffix == ".zarr" else path
    if inside != path:
        fill(str(path), WHOLE)
    np.save(tmp_path / "x.npy", WHOLE)
    shutil.move(tmp_path / "x.npy", inside)
    with pytest.raises(OutputError, match="the output is an input"):
        create_output(tmp_path / name, *KIND, replace=True, inputs=[open_source(inside)])
    assert [path] == list(tmp_path.iterdir())


@pytest.mark.parametrize("name", NAMES)
def test_what_is_no_output_is_never_replaced(tmp_path: Path, name: str) -> None:
    path = output_file(tmp_path / name)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "mine").touch()
    path.symlink_to("folder")
    with pytest.raises(OutputError, match="symbolic link"):
        create_output(tmp_path / name, *KIND, replace=True, inputs=())
    path.unlink()
    (tmp_path / "folder").rename(path)
    with pytest.raises(OutputError, match=r"is a directory|is a folder of something else"):
        create_output(tmp_path / name, *KIND, replace=True, inputs=())
    assert (path / "mine").exists()
