from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from array_layouts import DTYPES

from arraymill.jobs import disk
from arraymill.jobs.arrays import Output, create_output, open_source
from arraymill.jobs.errors import JobError, OutputError

F8 = np.dtype("<f8")


def create(path: Path, shape: tuple[int, ...] = (3,), *, replace: bool = False, **options: Any) -> Output:
    return create_output(path, shape, F8, "C", replace=replace, inputs=options.pop("inputs", []), **options)


def fill(output: Output, value: float) -> None:
    with output.target.open() as writer:
        writer.write(((0, 3),), np.full(3, value))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "y.npy"


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("shape", [(), (0,), (3, 0, 2), (5,), (2, 3)])
def test_a_published_file_is_zeros_of_its_shape(path: Path, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    with create_output(path, shape, dtype, "F", replace=False, inputs=[]) as output:
        output.publish()
    array = np.load(path)
    assert (shape, dtype, 0) == (array.shape, array.dtype, np.count_nonzero(array))
    assert [path] == list(path.parent.iterdir())
    source = open_source(path)
    assert (source.header.shape, source.header.dtype, source.data_offset) == (shape, dtype, 4096)


def test_nothing_has_the_final_name_before_publish(path: Path) -> None:
    with create(path) as output:
        assert not path.exists()
        fill(output, 1.0)
        assert not path.exists()
        output.publish()
        output.publish()
    output.discard()
    assert np.load(path).tolist() == [1.0] * 3


def test_leaving_without_publish_discards(path: Path) -> None:
    with create(path) as output:
        fill(output, 1.0)
    output.discard()
    output.publish()
    assert list(path.parent.iterdir()) == []


def test_an_error_inside_discards(path: Path) -> None:
    with pytest.raises(KeyError), create(path):
        raise KeyError
    assert list(path.parent.iterdir()) == []


def test_the_file_mode_follows_the_umask(path: Path) -> None:
    old = os.umask(0o027)
    try:
        with create(path) as output:
            output.publish()
    finally:
        os.umask(old)
    assert path.stat().st_mode & 0o777 == 0o640


def test_an_existing_file_is_kept_unless_replaced(path: Path) -> None:
    np.save(path, np.ones(2))
    with pytest.raises(OutputError, match="--force") as caught:
        create(path)
    assert caught.value.exit_code == 2
    with create(path, replace=True) as output:
        assert np.load(path).tolist() == [1.0, 1.0]
        fill(output, 2.0)
        output.publish()
    assert np.load(path).tolist() == [2.0] * 3
    assert [path] == list(path.parent.iterdir())


def test_a_file_that_appears_meanwhile_is_not_overwritten(path: Path) -> None:
    with pytest.raises(OutputError, match="appeared"), create(path) as output:  # noqa: PT012
        np.save(path, np.ones(2))
        output.publish()
    assert np.load(path).tolist() == [1.0, 1.0]
    assert [path] == list(path.parent.iterdir())


def test_after_a_refused_publish_the_result_can_still_be_saved(path: Path) -> None:
    with create(path) as output:
        fill(output, 3.0)
        np.save(path, np.ones(2))
        with pytest.raises(OutputError):
            output.publish()
        path.rename(path.with_name("other.npy"))
        output.publish()
    assert np.load(path).tolist() == [3.0] * 3


@pytest.mark.parametrize("dtype", ["O", "M8[s]", "S3", "g", [("a", "O")]])
def test_an_output_of_an_odd_dtype_is_refused(path: Path, dtype: Any) -> None:
    with pytest.raises(OutputError):
        create_output(path, (3,), np.dtype(dtype), "C", replace=False, inputs=[])


def test_a_device_error_at_publish_is_a_job_error(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fsync(_: int) -> None:
        raise OSError(5, "Input/output error")

    with create(path) as output:
        monkeypatch.setattr(os, "fsync", fsync)
        with pytest.raises(JobError, match="Input/output error"):
            output.publish()
    assert list(path.parent.iterdir()) == []


def test_a_header_that_the_disk_has_lost_is_written_again(path: Path) -> None:
    with create(path) as output:
        fill(output, 2.0)
        with Path(output.target.path).open("r+b") as file:
            file.seek(8)
            file.write(b"?")
        output.publish()
        output.publish()
    np.testing.assert_array_equal(np.load(path), np.full(3, 2.0))


def test_what_cannot_be_removed_is_named(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    output = create(path)
    monkeypatch.setattr(disk, "unlink", fail)
    with pytest.raises(JobError, match="cannot be removed") as caught:
        output.discard()
    assert f"{path}.partial" in caught.value.cause
    output.discard()


def test_an_error_inside_is_not_hidden_by_what_cannot_be_removed(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(KeyError), create(path):  # noqa: PT012
        monkeypatch.setattr(disk, "unlink", fail)
        raise KeyError


@pytest.mark.parametrize("removable", [False, True])
def test_an_output_that_cannot_be_made_says_what_is_left(
    path: Path, monkeypatch: pytest.MonkeyPatch, removable: bool
) -> None:
    monkeypatch.setattr(disk, "reserve", fail)
    if not removable:
        monkeypatch.setattr(disk, "unlink", fail)
    with pytest.raises(OutputError, match="Input/output error") as caught:
        create(path)
    assert caught.value.safe.endswith("nothing is left" if removable else "y.npy.partial is left (Input/output error)")
    assert path.with_name("y.npy.partial").exists() != removable


def test_a_leftover_that_cannot_be_removed_is_named(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.with_name("y.npy.partial").touch()
    monkeypatch.setattr(disk, "unlink", fail)
    with pytest.raises(OutputError, match="what a dead run left cannot be removed"):
        create(path)


def fail(*_: object) -> None:
    raise OSError(5, "Input/output error")
