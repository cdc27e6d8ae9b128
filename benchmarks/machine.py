"""What a run ran on: versions, and the class of the machine. No host names, no paths: results are published."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np  # noqa: F401 - loads the BLAS that is asked about
import threadpoolctl

from arraymill.cluster.devices import cpu_count, memory_total_bytes

__all__ = ["Machine", "machine_facts", "versions"]

_LIBRARIES = ("arraymill", "numpy", "torch", "dask", "distributed", "cubed", "zarr")


@dataclass(frozen=True, slots=True)
class Machine:
    """The class of a machine."""

    cpu: str
    cores: int
    memory_bytes: int
    system: str
    blas: dict[str, Any]
    gpu: str | None = None


def machine_facts(gpu: str | None = None) -> Machine:
    """Return what kind of machine this is; a GPU is named by whoever asked it."""
    return Machine(_cpu_model(), cpu_count(), memory_total_bytes(), platform.system(), _blas(), gpu)


def versions() -> dict[str, str]:
    """Return the version of Python and of every library that takes part."""
    found = {name: metadata.version(name) for name in _LIBRARIES if find_spec(name)}
    return {"python": platform.python_version(), **found}


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def _blas() -> dict[str, Any]:
    for library in threadpoolctl.threadpool_info():
        if library["user_api"] == "blas":
            return {key: library.get(key) for key in ("internal_api", "version", "architecture", "num_threads")}
    return {}
