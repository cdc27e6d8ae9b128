"""docs/inputs.md is true: its files are made, its commands, job file and Python calls are run."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from range_server import FileServer, serve

from arraymill.jobs.cli.main import arraymill

PAGE = (Path(__file__).parents[1] / "docs" / "inputs.md").read_text(encoding="utf-8")
SETUP, CALLS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
(JOB_FILE,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
COMMANDS = re.findall(r"^\$ arraymill (.*)$", PAGE, re.MULTILINE)


NAMES: dict[str, object] = {}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FileServer]:
    """The folder of the page, which is served too."""
    folder = tmp_path_factory.mktemp("page")
    with pytest.MonkeyPatch.context() as patch, serve(folder) as server:
        patch.chdir(folder)
        exec(SETUP, NAMES)
        yield server


def invoke(*arguments: str) -> None:
    done = CliRunner().invoke(arraymill, [*arguments, "-q"])
    assert done.exit_code == 0, done.output


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_runs(server: FileServer, command: str) -> None:
    invoke(*shlex.split(command.replace("https://example.org/", server.url(""))))


def test_what_commands_wrote_is_what_the_page_says(server: FileServer) -> None:
    for command in COMMANDS:
        output = command.partition(" -o ")[2]
        if output and not Path(output).exists():
            invoke(*shlex.split(command))
    x = np.load("x.npy")
    runs = [x[:10] + number for number in range(12)]
    expected = {
        "table": x[:, :3],
        "halves": np.concatenate(runs) / 2,
        "average": np.mean(runs, axis=0),
        "all": np.concatenate(runs),
        "movie": np.stack(runs, axis=2),
        "last": x[..., -1],
        "backwards": x[::-1],
        "longer": np.concatenate([x[:5], x]),
    }
    for name, array in expected.items():
        np.testing.assert_array_equal(np.load(f"{name}.npy"), array)


def test_the_job_file_runs(server: FileServer) -> None:
    Path("job.yaml").write_text(JOB_FILE)
    invoke("run", "job.yaml")


def test_the_calls_of_python_run(server: FileServer) -> None:
    exec(CALLS, dict(NAMES))
