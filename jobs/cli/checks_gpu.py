"""Which GPUs are here, asked from the driver: CUDA is not woken for it."""

from __future__ import annotations

import re
from pathlib import Path

from arraymill.cluster.devices import Gpu, gpu_problem, gpus

from ..sizes import format_bytes
from .checks import Check
from .checks_software import torch_cuda_version

__all__ = ["driver_version", "gpu_checks"]

_DRIVER = Path("/proc/driver/nvidia/version")


def gpu_checks() -> list[Check]:
    """Return one finding per GPU, by UUID. A machine without GPUs is fine; one with GPUs that cannot be used is not."""
    driver, problem = driver_version(), gpu_problem()
    if problem is not None:
        if driver is None:
            return [Check("GPU", "ok", f"none ({problem}): jobs run on the CPU")]
        advice = "see CUDA_VISIBLE_DEVICES and what `nvidia-smi` says; jobs run on the CPU until then"
        return [Check("driver", "ok", f"NVIDIA {driver}"), Check("GPU", "warn", problem, advice)]
    found = [_check(gpu) for gpu in gpus()]
    return [Check("driver", "ok", f"NVIDIA {driver or 'of unknown version'}"), *found]


def driver_version(path: Path = _DRIVER) -> str | None:
    """Return the version of the NVIDIA kernel module, None if it is not loaded."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError:
        return None
    match = re.search(r"\b\d{3,}\.\d+(?:\.\d+)?\b", text)
    return match[0] if match else "of unknown version"


def _check(gpu: Gpu) -> Check:
    total, free = gpu.memory_total_bytes, gpu.memory_free_bytes
    memory = f"{format_bytes(free)} free of {format_bytes(total)}" if total else "memory shared with the host"
    capability = ".".join(map(str, gpu.compute_capability))
    found = f"{gpu.index}: {gpu.name}, {memory}, compute capability {capability}, {gpu.uuid}"
    if torch_cuda_version() is None:
        return Check("GPU", "warn", found, "the installed torch cannot use it: install a CUDA build of torch")
    if total and free < total // 10:
        return Check("GPU", "warn", found, "another program holds its memory: `nvidia-smi` shows which")
    return Check("GPU", "ok", found)
