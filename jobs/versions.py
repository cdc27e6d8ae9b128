"""What, beside the job itself, decides the bits of an answer: versions of libraries, and which kernels they chose."""

from __future__ import annotations

import platform
import re
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution, version

import numpy as np
import threadpoolctl

__all__ = ["changed_versions", "current_versions"]

_LIBRARIES = ("arraymill", "numpy")


def current_versions(device: str) -> dict[str, str]:
    """Return the versions that decide the bits of an answer on a device.

    Parameters
    ----------
    device : {"cpu", "cuda"}
        torch counts on CUDA alone: on the CPU NumPy computes.

    Examples
    --------
    >>> sorted(current_versions("cpu"))
    ['arraymill', 'blas', 'machine', 'numpy', 'simd']
    """
    libraries = (*_LIBRARIES, "torch") if device == "cuda" else _LIBRARIES
    found = {name: _version(name) for name in libraries}
    return found | {"blas": _blas(), "machine": platform.machine(), "simd": _simd()}


def changed_versions(before: Mapping[str, str], now: Mapping[str, str]) -> tuple[str, ...]:
    """Return a sentence for everything that is not as it was.

    >>> changed_versions({"numpy": "2.4.0", "simd": "X"}, {"numpy": "2.5.0", "simd": "X"})
    ('numpy was 2.4.0, is 2.5.0',)
    """
    names = sorted({*before, *now})
    return tuple(
        f"{name} was {before.get(name, 'not used')}, is {now.get(name, 'not used')}"
        for name in names
        if before.get(name) != now.get(name)
    )


@cache
def _version(name: str) -> str:
    try:
        metadata = distribution(name).read_text("METADATA") or ""
    except PackageNotFoundError:
        return "not installed"
    # `version()` parses the whole text, as an e-mail: a millisecond each
    found = re.search(r"^Version: *(\S+)", metadata, re.MULTILINE)
    return found[1] if found else version(name)


@cache
def _blas() -> str:
    """Return the BLAS libraries that are loaded, and the processor that each chose its kernels for."""
    info = threadpoolctl.threadpool_info()
    pools = [pool for pool in info if pool["user_api"] == "blas" and "numpy" in pool["filepath"]]
    found = {f"{pool['internal_api']} {pool['version']} {pool.get('architecture', '')}".strip() for pool in pools}
    return ", ".join(sorted(found)) or "unknown"


@cache
def _simd() -> str:
    """Return the vector instructions that NumPy found: sums over vectors of another length end in other last bits."""
    extensions = np.show_config(mode="dicts").get("SIMD Extensions", {})
    return " ".join([*extensions.get("baseline", []), *extensions.get("found", [])]) or "none"
