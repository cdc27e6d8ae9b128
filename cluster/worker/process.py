"""What every process does before its first task: threads, precision flags, and a product whose answer is known."""

from __future__ import annotations

import os
import platform
import re
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import metadata
from typing import Any, Literal, TypeAlias

import numpy as np

from ..config import Precision
from .precision import set_flags
from .threads import thread_pools

__all__ = ["Device", "WorkerFacts", "current_facts", "prepare_process"]

Device: TypeAlias = Literal["cpu", "cuda"]

_PACKAGES = ("arraymill", "numpy", "torch", "dask", "distributed", "dask-cuda")
# Small integers: every product and sum is exact, in TF32 as well, so the answer must be equal and not only close.
_CHECK_SIZE = 64


@dataclass(frozen=True, slots=True)
class WorkerFacts:
    """What one worker is, as it found itself.

    Parameters
    ----------
    name : str
        ``cpu0``, ``gpu1``: unique in the session.
    pid : int
    host : str
    device : {"cpu", "cuda"}
    device_name, device_uuid : str
        The GPU; for the CPU its machine type and "".
    threads : int
        Threads of one product.
    versions, flags : mapping of str to str
        Library versions; PyTorch's precision flags and BLAS's threads as read back.
    """

    name: str
    pid: int
    host: str
    device: Device
    device_name: str
    device_uuid: str
    threads: int
    versions: Mapping[str, str] = field(default_factory=dict)
    flags: Mapping[str, str] = field(default_factory=dict)


_facts: WorkerFacts | None = None


def current_facts() -> WorkerFacts | None:
    """Return the facts of this process, or None if it was never prepared."""
    return _facts


def prepare_process(device: Device, precision: Precision, *, threads: int = 1, name: str = "cpu0") -> WorkerFacts:
    """Set this process up for its device and return what it is.

    Parameters
    ----------
    device : {"cpu", "cuda"}
        ``cuda`` is the first device of this process's ``CUDA_VISIBLE_DEVICES``. ``cpu`` does not import torch, which
        would cost each worker 150 MB and 2 s.
    precision : {"strict", "standard", "fast"}
    threads : int
        Threads of BLAS and torch.
    name : str
        Name of the worker in the session.

    Raises
    ------
    RuntimeError
        If a setting does not read back or the device gives a wrong product.

    Examples
    --------
    >>> with thread_pools().limit():
    ...     facts = prepare_process("cpu", "standard")
    >>> facts.name, facts.device, facts.threads
    ('cpu0', 'cpu', 1)
    """
    global _facts
    flags = {"blas_threads": str(_limit_threads(threads))}
    if device == "cuda" or "torch" in sys.modules:
        flags |= _prepare_torch(precision, threads)
    device_name, device_uuid = _describe_device(device)
    _check_product(device, device_name)
    _facts = WorkerFacts(
        name=name,
        pid=os.getpid(),
        host=socket.gethostname(),
        device=device,
        device_name=device_name,
        device_uuid=device_uuid,
        threads=threads,
        versions=_read_versions(),
        flags=flags,
    )
    return _facts


def _limit_threads(threads: int) -> int:
    pools = thread_pools()
    # Kept for the life of the process: the object is dropped and never restores.
    pools.limit(limits=threads)
    found = max((int(pool["num_threads"]) for pool in pools.info()), default=threads)
    if found > threads:
        raise RuntimeError(f"BLAS kept {found} threads where {threads} were set")
    return found


def _prepare_torch(precision: Precision, threads: int) -> dict[str, str]:
    import torch

    torch.set_num_threads(threads)
    return {**set_flags(precision), "torch_threads": str(torch.get_num_threads())}


def _describe_device(device: Device) -> tuple[str, str]:
    if device == "cpu":
        return platform.machine(), ""
    import torch

    if not torch.cuda.is_available():
        visible = os.environ.get("CUDA_VISIBLE_DEVICES")
        raise RuntimeError(f"torch {torch.__version__} finds no CUDA device (CUDA_VISIBLE_DEVICES={visible!r})")
    properties = torch.cuda.get_device_properties(0)
    return properties.name, f"GPU-{properties.uuid}"


def _check_product(device: Device, device_name: str) -> None:
    size = _CHECK_SIZE
    a = np.arange(size * size).reshape(size, size) % 9 - 4
    expected = a @ a.T
    for dtype in (np.float32, np.float64):
        if not np.array_equal(_multiply(device, a.astype(dtype)), expected):
            raise RuntimeError(f"{device} ({device_name}) gave a wrong {size} x {size} product in {dtype.__name__}")


def _multiply(device: Device, a: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    if device == "cpu":
        return np.asarray(a @ a.T)
    import torch

    tensor = torch.from_numpy(a).to("cuda:0")
    return np.asarray((tensor @ tensor.T).cpu().numpy())


@cache
def _read_versions() -> Mapping[str, str]:
    versions = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            text = metadata.distribution(package).read_text("METADATA") or ""
        except metadata.PackageNotFoundError:
            continue
        # `version()` parses the whole text, as an e-mail: a millisecond each
        found = re.search(r"^Version: *(\S+)", text, re.MULTILINE)
        versions[package] = found[1] if found else metadata.version(package)
    return versions
