"""What is installed, read from metadata: neither torch nor dask is imported for it."""

from __future__ import annotations

import platform
import re
import sys
from importlib.metadata import PackageNotFoundError, requires, version
from importlib.util import find_spec
from pathlib import Path

from .checks import Check

__all__ = ["software_checks", "torch_cuda_version"]

_SHOWN = ("numpy", "dask", "distributed", "dask-cuda", "pydantic", "cryptography", "nvidia-ml-py")


def software_checks() -> list[Check]:
    """Return findings about Python and the packages that jobs need."""
    python = f"{platform.python_version()} ({sys.executable})"
    system = f"{platform.system()} {platform.release()} {platform.machine()}"
    linux = "ok" if sys.platform == "linux" else "warn"
    advice = "" if linux == "ok" else "arraymill is tested on Linux only"
    return [
        Check("arraymill", "ok", version("arraymill")),
        Check("Python", "ok", python),
        Check("system", linux, system, advice),  # type: ignore[arg-type]
        _packages(),
        _torch(),
        _blas(),
        _tls(),
    ]


def _packages() -> Check:
    missing = [name for name in _required() if _version(name) is None]
    found = ", ".join(f"{name} {_version(name)}" for name in _SHOWN if _version(name))
    if missing:
        return Check("packages", "fail", f"missing: {', '.join(missing)}", f"pip install {' '.join(missing)}")
    return Check("packages", "ok", found)


def _required() -> list[str]:
    """Return the distributions that arraymill's own metadata asks for here, without extras."""
    here = sys.platform == "linux"
    wanted = [line for line in requires("arraymill") or [] if "extra ==" not in line]
    wanted = [line for line in wanted if here or "linux" not in line]
    return [re.split(r"[^A-Za-z0-9._-]", line, maxsplit=1)[0] for line in wanted]


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def torch_cuda_version() -> str | None:
    """Return the CUDA version that the installed torch was built for, None for a CPU build or without torch.

    It is read from torch's version file: importing torch takes seconds.
    """
    spec = find_spec("torch")
    if spec is None or spec.origin is None:
        return None
    try:
        text = (Path(spec.origin).parent / "version.py").read_text(encoding="utf-8")
    except OSError:
        return None
    match = re.search(r"^cuda\b[^=]*= *['\"]([0-9.]+)['\"]", text, flags=re.MULTILINE)
    return match[1] if match else None


def _torch() -> Check:
    installed = _version("torch")
    if installed is None:
        return Check("torch", "fail", "not installed", "pip install torch")
    built_for = torch_cuda_version()
    return Check("torch", "ok", f"{installed}, built for {f'CUDA {built_for}' if built_for else 'the CPU'}")


def _blas() -> Check:
    import numpy as np  # 60 ms, and of all checks only this one needs it

    config = np.show_config(mode="dicts")
    blas = config.get("Build Dependencies", {}).get("blas", {}) if isinstance(config, dict) else {}
    name, release = blas.get("name", "unknown"), blas.get("version", "")
    return Check("BLAS of NumPy", "ok", f"{name} {release}".strip())


def _tls() -> Check:
    if find_spec("cryptography") is None:
        advice = "pip install cryptography: workers are reached over TLS, so that other users cannot run code as you"
        return Check("TLS", "fail", "cryptography is not installed", advice)
    return Check("TLS", "ok", f"possible (cryptography {_version('cryptography')})")
