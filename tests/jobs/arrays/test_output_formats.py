from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from arraymill.jobs.arrays import (
    OUTPUT_SUFFIXES,
    absolute_output,
    adopt_output,
    check_format,
    check_output,
    create_output,
    output_file,
    was_published,
)
from arraymill.jobs.arrays.packed.packers import PACKERS
from arraymill.jobs.errors import OutputError
from arraymill.jobs.headers import ArrayHeader

KIND: Any = ((3, 4), np.dtype("f8"), "C")


def test_the_table_names_each_suffix_once() -> None:
    assert (".npy", *PACKERS) == OUTPUT_SUFFIXES


@pytest.mark.parametrize("path", ["y.jpg", "y", "s3://bucket/y.npy", "memory://y.zarr::a", "-", "y.npy.gz"])
def test_what_is_not_written_is_refused_with_what_is(tmp_path: Path, path: str) -> None:
    path = path if "://" in path else f"{tmp_path}/{path}"
    for act in (
        lambda: create_output(path, *KIND, replace=True, inputs=()),
        lambda: adopt_output(path, *KIND, replace=True),
        lambda: was_published(path, *KIND, info={}),
        lambda: check_output(path, replace=True, inputs=()),
        lambda: check_format(path, ArrayHeader("y", *KIND)),
    ):
        with pytest.raises(OutputError, match="are not written") as caught:
            act()
        assert all(suffix in caught.value.cause for suffix in OUTPUT_SUFFIXES)


def test_a_path_is_told_from_the_name_inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert (output_file("y.zarr::g/y"), absolute_output("y.zarr::g/y")) == (
        tmp_path / "y.zarr",
        f"{tmp_path}/y.zarr::g/y",
    )
    assert output_file("y.zarr/") == tmp_path / "y.zarr"
    assert (output_file("y.npy"), absolute_output("y.npy")) == (tmp_path / "y.npy", f"{tmp_path}/y.npy")


@pytest.mark.parametrize("suffix", OUTPUT_SUFFIXES)
def test_records_go_from_step_to_step_and_into_no_output(tmp_path: Path, suffix: str) -> None:
    records = np.dtype([("distance", "f8"), ("index", "i8")])
    with pytest.raises(OutputError, match="no records"):
        check_format(tmp_path / f"y{suffix}", ArrayHeader("y", (3,), records))


def test_nothing_is_made_by_a_check(tmp_path: Path) -> None:
    for suffix in OUTPUT_SUFFIXES:
        check_output(tmp_path / f"y{suffix}", replace=False, inputs=())
        check_format(tmp_path / f"y{suffix}", ArrayHeader("y", *KIND))
    assert list(tmp_path.iterdir()) == []
