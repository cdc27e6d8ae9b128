"""What docs/settings.md shows is what `arraymill config` prints, and its calls of Python do as they say."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
from click.testing import CliRunner
from dask_layer import dask_layer
from source_tree import ROOT

from arraymill.jobs import plan
from arraymill.jobs.cli.main import arraymill
from arraymill.jobs.cli.options import job_options

PAGE = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
(OWN_FILE,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
((COMMAND, SHOWN),) = re.findall(r"```console\n\$ (.*?)\n(.*?)```", PAGE, re.DOTALL)
(CALLS,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


def test_the_settings_are_shown_as_the_page_says(tmp_path: Path) -> None:
    folder = tmp_path / ".config" / "dask"
    folder.mkdir(parents=True)
    (folder / "arraymill.yaml").write_text(OWN_FILE)
    (fault,) = re.findall(r"`(fault: .*?)` on the third line", PAGE)
    (tmp_path / "job.yaml").write_text(f"op: sum\ninputs: [x.npy]\n{fault}\n")
    variable, command, *arguments = shlex.split(COMMAND)
    assert command == "arraymill"
    env = {name: value for name, value in os.environ.items() if not name.startswith(("DASK_", "ARRAYMILL_", "XDG_"))}
    env |= dict([variable.split("=")]) | {"HOME": str(tmp_path)}
    ran = subprocess.run(
        [sys.executable, "-m", "arraymill.jobs.cli", *arguments],
        env=env, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    assert ran.stdout.replace(str(tmp_path), "~") == SHOWN


def test_the_calls_of_python_do_as_they_say(tmp_path: Path) -> None:
    took: list[str] = []
    with dask_layer(tmp_path / "dask"):
        run = lambda *args, **settings: took.append(plan(*args, **settings).limits.precision)  # noqa: E731
        exec(CALLS, {"x": np.ones(3), "run": run})
    assert took == ["strict", "fast"]


def test_the_table_has_every_variable() -> None:
    (row,) = re.findall(r"^\| 5 \|.*$", PAGE, re.MULTILINE)
    first, *others = re.findall(r"`([A-Z_]+)`", row)
    prefix = first.removesuffix("_DEVICE")
    named = {first, *(prefix + other for other in others), "ARRAYMILL_CONFIG"}
    assert named == {option.envvar for option in job_options() if option.envvar}


def test_a_device_wins_over_a_kind_of_cluster(tmp_path: Path) -> None:
    assert "`cluster: {kind: cuda}` in the file, `--device cpu` runs on the CPU" in PAGE.replace("\n ", "")
    with dask_layer(tmp_path / "dask") as layer:
        layer.write("arraymill: {cluster: {kind: cuda}}\n")
        np.save(tmp_path / "x.npy", np.ones(3))
        done = CliRunner().invoke(arraymill, ["plan", "sum", str(tmp_path / "x.npy"), "--device", "cpu"])
    assert done.exit_code == 0
    assert "CPU, inline" in done.output
