"""docs/outputs.md is true: its commands and Python calls are run, and every output holds what it should."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
import zarr
from click.testing import CliRunner

from arraymill.jobs.arrays.output_formats import OUTPUT_SUFFIXES
from arraymill.jobs.cli.main import arraymill

PAGE = (Path(__file__).parents[1] / "docs" / "outputs.md").read_text(encoding="utf-8")
SETUP, CALLS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
COMMANDS = re.findall(r"^\$ arraymill (.*)$", PAGE, re.MULTILINE)
NAMES: dict[str, object] = {}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    path = tmp_path_factory.mktemp("page")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(path)
        patch.setenv("ARRAYMILL_HOME", str(path / "home"))
        exec(SETUP, NAMES)
        yield path


def test_what_commands_and_calls_write_is_what_the_page_says(folder: Path) -> None:
    for command in COMMANDS:
        done = CliRunner().invoke(arraymill, [*shlex.split(command), "-q"])
        assert done.exit_code == 0, done.output
    exec(CALLS, dict(NAMES))
    x = np.load("x.npy")
    with np.load("y.npz") as archive, h5py.File("y.h5") as file, h5py.File("z.h5") as other:
        found = [np.load("y.npy"), archive["twice"], file["results/twice"][...], other["data"][...]]
    stores = zarr.open("y.zarr", mode="r")["results/twice"], zarr.open("z.zarr", mode="r")
    assert [store.chunks for store in stores] == [(10, 30), (40, 30)]
    for twice in (*found, *(store[...] for store in stores), pd.read_parquet("y.parquet").to_numpy()):
        np.testing.assert_array_equal(twice, x * 2)
    means = pd.read_csv("means.csv")
    assert list(means.columns) == ["mean"]
    np.testing.assert_array_equal(means["mean"], x.mean(axis=1))


def test_every_format_is_on_the_page() -> None:
    assert [suffix for suffix in OUTPUT_SUFFIXES if f"`y{suffix}`" not in PAGE] == []
