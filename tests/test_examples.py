"""Every example of docs/examples is run as it stands, in an empty folder, and says what its page says."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from source_tree import ROOT

EXAMPLES = ROOT / "docs" / "examples"
PAGE = (EXAMPLES / "README.md").read_text(encoding="utf-8")
COMMANDS = [line.removeprefix("$ ") for line in PAGE.splitlines() if line.startswith("$ ")]
SAID = {
    "digits.py": ["of 497 digits read correctly"],
    "regression.sh": ["temperature [K]     0.250      0.250 was put in", "R^2                 0.926"],
    "classifier.sh": ["of the 497 digits that it was not trained on are read correctly"],
    "large-file.sh": ["large.npy\ncovariance.npy\npercentiles.npy\n1.00", "[-2.3"],
}


@pytest.mark.parametrize("command", COMMANDS)
def test_an_example_does_what_its_page_says(command: str, tmp_path: Path) -> None:
    program, script, *arguments = shlex.split(command)
    commands, folder = Path(sys.executable).parent, tmp_path / "folder"
    path = f"{commands}{os.pathsep}{os.environ['PATH']}"
    folder.mkdir()
    done = subprocess.run(
        [program, str(ROOT / script), *arguments],
        cwd=folder,
        env=os.environ | {"PATH": path, "ARRAYMILL_HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    assert [said for said in SAID[Path(script).name] if said not in done.stdout] == [], done.stdout


def test_every_example_is_run_and_stands_in_the_page() -> None:
    runnable = {path.name for path in EXAMPLES.iterdir() if path.suffix == ".sh"} | {"digits.py"}
    assert {Path(shlex.split(command)[1]).name for command in COMMANDS} == runnable == set(SAID)
    files = {path.name for path in EXAMPLES.iterdir() if path.is_file()} - {"README.md"}
    assert {name for name in files if f"]({name})" not in PAGE} == set()
