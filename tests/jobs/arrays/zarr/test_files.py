from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import zarr

from arraymill.jobs.arrays import Source, open_source
from arraymill.jobs.arrays.zarr.files import newest_change_ns
from arraymill.jobs.errors import InputChangedError, InputError

TICK_S = 0.02
"""More than the clock of a file system takes for a step."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    array = zarr.create_array(tmp_path / "x", shape=(40, 6), chunks=(10, 3), dtype="f8", fill_value=-1.0)
    array[:20] = np.ones((20, 6))
    time.sleep(TICK_S)
    return tmp_path / "x"


def read(source: Source, start: int, stop: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    out = np.empty((stop - start, 6))
    with source.open() as reader:
        reader.read(((start, stop), (0, 6)), out)
    return out


def remove(path: Path) -> None:
    (path / "c" / "1" / "0").unlink()


def write(path: Path) -> None:
    zarr.open(path, mode="a")[19, 0] = 5.0


def put_back_an_older_one(path: Path) -> None:
    os.utime(path / "c" / "0" / "0", ns=(1, 1))
    (path / "c" / "0" / "0").replace(path / "c" / "1" / "0")


def write_what_was_missing(path: Path) -> None:
    zarr.open(path, mode="a")[25, 0] = 5.0


@pytest.mark.parametrize("change", [remove, write, put_back_an_older_one])
def test_chunks_that_changed_are_told_of(path: Path, change: Callable[[Path], None]) -> None:
    source = open_source(path)
    change(path)
    with pytest.raises(InputChangedError, match="the store changed since the job was planned"):
        read(source, 10, 20)


def test_chunks_that_were_missing_are_looked_for(path: Path) -> None:
    source = open_source(path)
    assert set(read(source, 20, 40).ravel()) == {-1.0}
    write_what_was_missing(path)
    with pytest.raises(InputChangedError):
        read(source, 20, 30)


def test_other_chunks_are_not_looked_at(path: Path) -> None:
    source = open_source(path)
    write(path)
    assert set(read(source, 0, 10).ravel()) == {1.0}


def test_a_description_that_changed_is_told_of(path: Path) -> None:
    source = open_source(path)
    (path / "zarr.json").write_bytes((path / "zarr.json").read_bytes())
    with pytest.raises(InputChangedError):
        read(source, 0, 1)
    (path / "zarr.json").unlink()
    with pytest.raises(InputChangedError, match="description is gone") as caught:
        read(source, 0, 1)
    assert caught.value.exit_code == 3


def test_an_empty_chunk_is_not_the_fill_value(path: Path) -> None:
    (path / "c" / "0" / "1").write_bytes(b"")
    with pytest.raises(InputError, match="a chunk is broken") as caught:
        read(open_source(path), 0, 10)
    assert caught.value.cause == f"{path}/c/0/1 is empty"


def test_the_newest_change_is_that_of_a_file_or_a_folder(path: Path) -> None:
    was = newest_change_ns("x", str(path))
    remove(path)
    assert newest_change_ns("x", str(path)) == (path / "c" / "1").stat().st_ctime_ns > was
    with pytest.raises(InputError):
        newest_change_ns("x", str(path / "none"))
