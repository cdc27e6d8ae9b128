"""What an import may pull in: help, planning and reading a job file are instant because torch and dask stay out."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
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
    return modules_after(code, HEAVY)


def modules_after(code: str, unwanted: set[str]) -> list[str]:
    """Return which of some modules a fresh interpreter holds after running `code`."""
    script = _REPORT.format(heavy=unwanted) + "\n" + code
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.splitlines()[-1].split()[1:]


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], ["run", "--help"], ["run", "sum", "--help"], ["ops"], ["config"]]
)
def test_a_command_that_computes_nothing_is_light(arguments: list[str]) -> None:
    assert heavy_modules_after(_COMMAND.format(argv=["arraymill", *arguments])) == []


# what a job of milliseconds has no use for, and what would take longer to import than the job
CLUSTERS = {"torch", "dask", "distributed", "psutil", "pynvml", "cloudpickle", "asyncio", "ssl", "tblib"}
CLUSTERS |= {"rich", "yaml"}
UNUSED = {"cluster.warm", "cluster.session.client", "jobs.api.calls", "jobs.api.handles", "jobs.api.stored.cancelling"}


def test_a_small_job_imports_neither_a_cluster_nor_what_asks_for_gpus(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARRAYMILL_HOME", str(tmp_path / "home"))
    # files of Dask's in which none of our settings stand
    (tmp_path / "distributed.yaml").write_text("distributed: {worker: {memory: {target: 0.5}}}\n")
    monkeypatch.setenv("DASK_CONFIG", str(tmp_path))
    np.save(tmp_path / "x.npy", np.ones((50, 40)))
    unwanted = CLUSTERS | {f"arraymill.{module}" for module in UNUSED}
    if Path("/dev/nvidiactl").exists():
        unwanted -= {"pynvml"}
    arguments = ["arraymill", "run", "sum", str(tmp_path / "x.npy"), "-o", str(tmp_path / "y.npy")]
    assert modules_after(_COMMAND.format(argv=arguments), unwanted) == []
    assert np.load(tmp_path / "y.npy") == 2000.0


LIGHT = ["jobs", "jobs.api", "jobs.spec.load", "jobs.operations", "jobs.plans.planning"]
LIGHT += ["cluster", "cluster.config", "cluster.devices"]


@pytest.mark.parametrize("module", LIGHT)
def test_an_import_is_light(module: str) -> None:
    assert heavy_modules_after(f"import arraymill.{module}") == []


def test_the_server_of_a_warm_cluster_forks_without_threads() -> None:
    """NumPy's library starts them; to fork with threads may hang, and Python warns of it from 3.12 on."""
    assert modules_after("import arraymill.cluster.warm.server", {"numpy", *HEAVY}) == []
