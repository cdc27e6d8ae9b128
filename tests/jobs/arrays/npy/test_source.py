from __future__ import annotations

import os
import pickle
from pathlib import Path

import numpy as np
import pytest

from arraymill.jobs.arrays import NpySource, open_source
from arraymill.jobs.errors import InputChangedError, InputError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    np.save(tmp_path / "x.npy", np.arange(6.0).reshape(2, 3))
    return tmp_path / "x.npy"


def test_a_source_is_a_small_value(path: Path) -> None:
    source = open_source(path)
    assert isinstance(source, NpySource)
    assert (source, hash(source)) == (pickle.loads(pickle.dumps(source)), hash(open_source(path)))
    assert len(pickle.dumps(source)) < 1000


def test_a_relative_path_becomes_absolute_and_the_name_stays(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(path.parent)
    source = open_source("x.npy")
    assert isinstance(source, NpySource)
    assert ("x.npy", str(path)) == (source.header.name, source.path)


def test_transposing_flips_the_header_alone(path: Path) -> None:
    source = open_source(path)
    assert ((3, 2), "F", source) == (source.T.header.shape, source.T.header.order, source.T.T)


@pytest.mark.parametrize("shape", [(), (4,)])
def test_without_two_axes_the_order_is_always_c(tmp_path: Path, shape: tuple[int, ...]) -> None:
    np.save(tmp_path / "x.npy", np.asfortranarray(np.zeros(shape)).reshape(shape))
    source = open_source(tmp_path / "x.npy")
    assert ("C", source) == (source.header.order, source.T)


def changed_in_place(path: Path) -> None:
    with open(path, "r+b") as file:
        file.seek(130)
        file.write(b"x")


def replaced(path: Path) -> None:
    other = path.with_name("other.npy")
    np.save(other, np.zeros((2, 3)))
    status = path.stat()
    os.utime(other, ns=(status.st_atime_ns, status.st_mtime_ns))
    other.replace(path)


def truncated(path: Path) -> None:
    os.truncate(path, 130)


@pytest.mark.parametrize("change", [changed_in_place, replaced, truncated])
def test_a_changed_file_is_refused_naming_old_and_new(path: Path, change: object) -> None:
    source = open_source(path)
    assert callable(change)
    change(path)
    with pytest.raises(InputChangedError, match=r"planned with 176 bytes.*; now \d+ bytes") as caught, source.open():
        pass
    assert caught.value.exit_code == 3


def test_a_file_that_changes_while_it_is_read_is_refused_on_leaving(path: Path) -> None:
    source = open_source(path)
    with pytest.raises(InputChangedError), source.open() as reader:  # noqa: PT012
        reader.read(((0, 1), (0, 3)), np.empty((1, 3)))
        changed_in_place(path)


def test_a_file_that_is_gone_is_an_input_error(path: Path) -> None:
    source = open_source(path)
    path.unlink()
    with pytest.raises(InputError, match="No such file"), source.open():
        pass


def test_no_descriptor_is_left_open(path: Path) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    source = open_source(path)
    with source.open() as reader:
        reader.read(((0, 2), (0, 3)), np.empty((2, 3)))
    with pytest.raises(KeyError), source.open():
        raise KeyError
    assert before == len(list(Path("/proc/self/fd").iterdir()))
