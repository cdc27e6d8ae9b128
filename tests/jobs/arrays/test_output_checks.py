from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from arraymill.jobs.arrays import MemorySource, Output, create_output, open_source, output_checks
from arraymill.jobs.errors import OutputError

F8 = np.dtype("<f8")


def create(path: Path, shape: tuple[int, ...] = (3,), *, replace: bool = False, **options: Any) -> Output:
    return create_output(path, shape, F8, "C", replace=replace, inputs=options.pop("inputs", []), **options)


def fill(output: Output, value: float) -> None:
    with output.target.open() as writer:
        writer.write(((0, 3),), np.full(3, value))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "y.npy"


def test_an_output_that_is_an_input_is_refused(path: Path) -> None:
    np.save(path, np.ones(3))
    source = open_source(path)
    other_name = path.with_name("z.npy")
    os.link(path, other_name)
    for name in (path, other_name):
        with pytest.raises(OutputError, match="is an input"):
            create(name, replace=True, inputs=[MemorySource("m", np.ones(2)), source.T])
    assert np.load(path).tolist() == [1.0] * 3


def test_a_partial_that_is_an_input_is_refused(path: Path) -> None:
    leftover = path.with_name("y.npy.partial")
    np.save(path, np.ones(3))
    path.rename(leftover)
    with pytest.raises(OutputError, match="is an input"):
        create(path, inputs=[open_source(leftover)])
    assert np.load(leftover).tolist() == [1.0] * 3


def make_link(path: Path) -> None:
    path.symlink_to("elsewhere.npy")


def make_partial_link(path: Path) -> None:
    path.with_name("y.npy.partial").symlink_to("elsewhere")


def make_partial_folder(path: Path) -> None:
    path.with_name("y.npy.partial").mkdir()


def make_partial_fifo(path: Path) -> None:
    os.mkfifo(path.with_name("y.npy.partial"))


@pytest.mark.parametrize("replace", [False, True])
@pytest.mark.parametrize(
    "obstacle", [Path.mkdir, os.mkfifo, make_link, make_partial_link, make_partial_folder, make_partial_fifo]
)
def test_what_is_not_a_file_is_never_replaced(path: Path, obstacle: Any, replace: bool) -> None:
    obstacle(path)
    before = sorted(path.parent.iterdir())
    with pytest.raises(OutputError):
        create(path, replace=replace)
    assert before == sorted(path.parent.iterdir())


@pytest.mark.parametrize("name", ["no/such/y.npy", "file/y.npy", "y.txt", "y", "y.jpg", "a\0b.npy", "x" * 250 + ".npy"])
def test_impossible_names_are_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError) as caught:
        create(tmp_path / name)
    assert caught.value.exit_code == 2
    assert [tmp_path / "file"] == list(tmp_path.iterdir())


def test_a_folder_without_permission_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(OutputError, match="not writable"):
        create(path)


def test_a_disk_too_small_is_found_before_anything_is_written(path: Path) -> None:
    said = r"[\d.]+ [kMGTPE]?B needed, [\d.]+ [kMGTPE]?B free in .*: .*B too little"
    with pytest.raises(OutputError, match=said) as caught:
        create(path, (2**50,))
    assert (caught.value.exit_code, []) == (2, list(path.parent.iterdir()))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(folder)], capture_output=True, text=True
    )
    if done.returncode:
        pytest.skip(f"no tmpfs can be mounted here: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_disk_that_fills_after_the_check_leaves_nothing(small_disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("arraymill.jobs.arrays.npy.output.check_space", lambda *_: None)
    with pytest.raises(OutputError, match="full"):
        create(small_disk / "y.npy", (500_000,))
    assert list(small_disk.iterdir()) == []


def test_room_held_by_a_leftover_counts_as_free(small_disk: Path) -> None:
    small_disk.joinpath("y.npy.partial").write_bytes(b"x" * 700_000)
    with create(small_disk / "y.npy", (100_000,)) as output:
        output.publish()
    assert np.load(small_disk / "y.npy").shape == (100_000,)


def test_the_partial_lies_beside_the_output() -> None:
    assert output_checks.partial_path(Path("/d/y.npy")) == Path("/d/y.npy.partial")
