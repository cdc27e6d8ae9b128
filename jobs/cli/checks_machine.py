"""What this machine offers a job: cores and memory, limits of the container or the batch system included."""

from __future__ import annotations

import os
from pathlib import Path

import psutil

from arraymill.cluster.devices import cpu_count, memory_available_bytes, memory_total_bytes

from ..sizes import format_bytes
from .checks import Check

__all__ = ["machine_checks"]

_LITTLE_BYTES = 1 << 30
_SHARED = Path("/dev/shm")


def machine_checks() -> list[Check]:
    """Return findings about cores and memory."""
    return [_cores(), _memory(), _shared_memory()]


def _cores() -> Check:
    usable, present = cpu_count(), os.cpu_count() or 1
    found = f"{usable} usable"
    if usable < present:
        return Check("CPU cores", "ok", f"{found} of {present} (affinity or a container's quota)")
    return Check("CPU cores", "ok", found)


def _memory() -> Check:
    present, usable, available = psutil.virtual_memory().total, memory_total_bytes(), memory_available_bytes()
    limited = f" of {format_bytes(present)} (a container's limit)" if usable < present else ""
    found = f"{format_bytes(usable)}{limited}, {format_bytes(available)} available"
    if available < _LITTLE_BYTES:
        return Check("memory", "warn", found, "end other programs, or keep jobs small with --memory 500MB")
    return Check("memory", "ok", found)


def _shared_memory() -> Check:
    if not os.access(_SHARED, os.W_OK):
        advice = "arrays given to the Python API go to the temporary folder instead"
        return Check("shared memory", "warn", f"{_SHARED} cannot be written", advice)
    status = os.statvfs(_SHARED)
    total, free = status.f_frsize * status.f_blocks, status.f_frsize * status.f_bavail
    found = f"{_SHARED}: {format_bytes(free)} free of {format_bytes(total)}"
    if total < _LITTLE_BYTES:
        return Check("shared memory", "warn", found, "start the container with --shm-size=8g or --ipc=host")
    return Check("shared memory", "ok", found)
