"""What an import may pull in: help, planning and reading a job file are instant because torch and dask stay out."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = {"torch", "dask", "distributed", "dask_cuda", "pandas", "bokeh"}

# at the end of the process, which a command ends itself
_REPORT = "import atexit, sys; atexit.register(lambda: print('HEAVY', *sorted({heavy!r} & set(sys.modules))))"
_COMMAND = """
import sys
from arraymill.jobs.cli.main import main
sys.argv = {argv!r}
try:
    main()
except SystemExit as exit:
    assert not exit.code, exit.code
"""


def heavy_modules_after(code: str) -> list[str]:
    """Return the heavy libraries that a fresh interpreter holds after running `code`."""
    script = _REPORT.format(heavy=HEAVY) + "\n" + code
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.splitlines()[-1].split()[1:]


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["run", "--help"], ["run", "sum", "--help"], ["ops"]])
def test_a_command_that_computes_nothing_is_light(arguments: list[str]) -> None:
    assert heavy_modules_after(_COMMAND.format(argv=["arraymill", *arguments])) == []


LIGHT = ["jobs", "jobs.spec_load", "jobs.operations", "jobs.planning", "cluster", "cluster.config", "cluster.devices"]


@pytest.mark.parametrize("module", LIGHT)
def test_an_import_is_light(module: str) -> None:
    assert heavy_modules_after(f"import arraymill.{module}") == []
