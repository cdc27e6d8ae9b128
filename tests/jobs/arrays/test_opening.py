from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import zarr

from arraymill.jobs.arrays import NpySource, Source, open_input
from arraymill.jobs.errors import InputError
from arraymill.jobs.spec.input import InputSpec

X = np.arange(12.0).reshape(3, 4)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for number in (2, 10, 1):
        np.savez(f"x{number}.npz", a=X * number, b=X)
        (X * number).tofile(f"x{number}.bin")


def whole(source: Source) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    out = np.empty(source.header.shape, source.header.dtype)
    with source.open() as reader:
        reader.read(tuple((0, n) for n in out.shape), out)
    return out


def test_one_path_is_a_plain_source() -> None:
    source = open_input(InputSpec(path="x1.npz::a"))
    assert (type(source), source.header.name) == (NpySource, "x1.npz::a")


def test_a_pattern_joins_what_matches_in_the_order_of_numbers() -> None:
    source = open_input(InputSpec(path="x*.npz::a"))
    assert (source.header.name, source.header.shape) == ("x*.npz::a", (9, 4))
    assert whole(source)[::3, 1].tolist() == [1.0, 2.0, 10.0]


def test_a_list_is_joined_as_it_stands_and_then_selected() -> None:
    paths = ["x2.npz::a", "x?.npz::b"]
    source = open_input(InputSpec(path=paths, join="stack", axis=1, select="0, ::2, 1:3"))
    assert whole(source).tolist() == [[2.0, 4.0], [1.0, 2.0]]


def test_what_is_stated_of_raw_binary_holds_for_each_file() -> None:
    source = open_input(InputSpec(path="x*.bin", dtype="f8", shape=(3, 4)))
    assert source.header.shape == (9, 4)


def test_what_readers_keep_is_counted() -> None:
    for number in range(3):
        zarr.create_array(f"z{number}", data=X)
    for path, expected in {"z0": 96, "z*": 192, "x1.npz::a": 0}.items():
        assert open_input(InputSpec(path=path)).header.reader_bytes == expected
    assert open_input(InputSpec(path="z*", axis=1, select="::2")).header.reader_bytes == 288


def test_a_pattern_that_matches_nothing_is_an_error() -> None:
    with pytest.raises(InputError) as caught:
        open_input(InputSpec(path="y*.npy"))
    assert caught.value.exit_code == 3


def test_one_of_several_that_is_broken_is_named() -> None:
    Path("x2.npz").write_bytes(b"PK\3\4")
    with pytest.raises(InputError, match=r"x2\.npz::a: the archive is broken"):
        open_input(InputSpec(path="x*.npz::a"))
