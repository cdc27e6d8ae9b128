"""What the README shows of use is true: commands, job file and calls run, and its table has every operation."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import zarr
from click.testing import CliRunner
from source_tree import ROOT

from arraymill.jobs.cli.main import arraymill
from arraymill.jobs.operations import OPERATIONS

README = (ROOT / "README.md").read_text(encoding="utf-8")
USE = README.partition("## Use\n")[2].partition("\n## ")[0]
COMMANDS = re.findall(r"^\$ arraymill (.*)$", USE, re.MULTILINE)
(JOB_FILE,) = re.findall(r"```yaml\n(.*?)```", USE, re.DOTALL)
(CALLS,) = re.findall(r"```python\n(.*?)\n\n", README, re.DOTALL)


@pytest.fixture(scope="module", autouse=True)
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with the files that the README speaks of."""
    rng = np.random.default_rng(0)
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("readme")
        patch.chdir(folder)
        for name in ("x", "y", "a", "b", "database", "queries"):
            np.save(f"{name}.npy", rng.random((60, 60)))
        np.savetxt("table.csv", rng.random((20, 3)), delimiter=",", header="time,left,right", comments="")
        zarr.create_array("images.zarr", data=rng.random((200, 64)), chunks=(50, 64))
        Path("runs").mkdir()
        for number in range(3):
            np.save(f"runs/{number}.npy", rng.random((10, 4)))
        Path("model.py").write_text("def predict(rows):\n    return rows.sum(axis=1)\n")
        Path("job.yaml").write_text(JOB_FILE)
        yield folder


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_runs(command: str) -> None:
    done = CliRunner().invoke(arraymill, shlex.split(command))
    assert done.exit_code == 0, done.output


def test_the_job_file_makes_what_it_says() -> None:
    x, y = np.load("x.npy"), np.load("y.npy")
    expected = np.cov(np.log(np.abs(x) + 1) * y, rowvar=False)
    # sums of 60 products of numbers below 1
    np.testing.assert_allclose(np.load("cov-of-logs.npy"), expected, rtol=0, atol=2 * 60 * 2.0**-52)


def test_the_calls_of_python_run() -> None:
    # a job in a process of its own is a matter of tests/integration/test_python.py
    calls = "\n".join(line for line in CALLS.splitlines() if "submit(" not in line)
    Path("means.npy").unlink(missing_ok=True)
    exec(calls, {name: np.load(f"{name}.npy") for name in ("x", "a", "b")})


def test_the_table_has_every_operation_once() -> None:
    table = USE.partition("| operations |")[2].partition("| format |")[0]
    assert sorted(re.findall(r"`([a-z_]+)`", table)) == sorted(OPERATIONS)
