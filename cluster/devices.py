"""What this machine has for us, found without waking CUDA and without importing torch."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence

from .cgroups import Cgroups
from .errors import NoGpuError
from .nvml import Gpu, NvmlUnavailable, list_gpus

__all__ = [
    "Gpu",
    "cpu_count",
    "gpu_problem",
    "gpus",
    "memory_available_bytes",
    "memory_total_bytes",
    "select_gpus",
    "visible_gpus",
]


def cpu_count(cgroups: Cgroups | None = None) -> int:
    """Return how many CPUs this process may keep busy: its affinity and its CPU quota, rounded up.

    >>> cpu_count() >= 1
    True
    """
    quota = (cgroups or Cgroups()).cpu_quota()
    allowed = len(os.sched_getaffinity(0))
    return allowed if quota is None else max(1, min(allowed, math.ceil(quota)))


def memory_total_bytes(cgroups: Cgroups | None = None) -> int:
    """Return how much memory this process and its children may ever have, in bytes.

    >>> memory_total_bytes() >= memory_available_bytes() > 0
    True
    """
    limit = (cgroups or Cgroups()).memory_limit_bytes()
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return total if limit is None else min(total, limit)


def memory_available_bytes(cgroups: Cgroups | None = None) -> int:
    """Return how much memory is free now, in bytes; file pages that can be dropped count as free."""
    import psutil  # 10 ms, and planning needs the total only

    headroom = (cgroups or Cgroups()).memory_headroom_bytes()
    available = int(psutil.virtual_memory().available)
    return available if headroom is None else min(available, headroom)


def gpus() -> tuple[Gpu, ...]:
    """Return the GPUs that CUDA would let this process use, in its order; empty without a driver.

    Notes
    -----
    ``CUDA_VISIBLE_DEVICES`` is read as CUDA reads it with ``CUDA_DEVICE_ORDER=PCI_BUS_ID``, which our workers set.
    """
    try:
        return visible_gpus(list_gpus(), os.environ.get("CUDA_VISIBLE_DEVICES"))
    except NvmlUnavailable:
        return ()


def gpu_problem() -> str | None:
    """Return why there is no usable GPU, or None if there is one."""
    try:
        present = list_gpus()
    except NvmlUnavailable as reason:
        return str(reason)
    setting = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible_gpus(present, setting):
        return None
    if not present:
        return "the NVIDIA driver answers and reports no usable GPU"
    return f"CUDA_VISIBLE_DEVICES={setting!r} hides all {len(present)} GPUs of this machine"


def visible_gpus(present: Sequence[Gpu], setting: str | None) -> tuple[Gpu, ...]:
    """Return the GPUs that a value of ``CUDA_VISIBLE_DEVICES`` leaves, in its order.

    Parameters
    ----------
    present : sequence of Gpu
    setting : str or None
        Indices or UUIDs, or their unique beginnings, with commas between. None hides nothing.

    Notes
    -----
    As in CUDA, the list ends at the first entry that names nothing or something already named.

    Examples
    --------
    >>> visible_gpus([], "0,1")
    ()
    """
    if setting is None:
        return tuple(present)
    visible: list[Gpu] = []
    for name in (part.strip() for part in setting.split(",")):
        gpu = _find_gpu(present, name)
        if gpu is None or gpu in visible:
            break
        visible.append(gpu)
    return tuple(visible)


def select_gpus(request: int | Sequence[str] | None) -> tuple[Gpu, ...]:
    """Return the GPUs that were asked for.

    Parameters
    ----------
    request : int, sequence of str, or None
        How many (the first ones), which ones (index among the visible GPUs' physical indices, or UUID), or all.

    Raises
    ------
    NoGpuError
        If there is no GPU, too few, or none of that name.
    """
    here = gpus()
    if not here:
        raise _no_gpu_error()
    if request is None:
        return here
    if isinstance(request, int):
        if request > len(here):
            raise _not_here(f"{request} GPUs were asked for", here)
        return here[:request]
    return tuple(_named(here, name) for name in request)


def _named(here: Sequence[Gpu], name: str) -> Gpu:
    gpu = _find_gpu(here, name)
    if gpu is None:
        raise _not_here(f"GPU {name!r} was asked for", here)
    return gpu


def _find_gpu(present: Sequence[Gpu], name: str) -> Gpu | None:
    if name.isdigit():
        found = [gpu for gpu in present if gpu.index == int(name) and not gpu.is_mig]
    else:
        found = [gpu for gpu in present if name and gpu.uuid.startswith(name)]
    return found[0] if len(found) == 1 else None


def _not_here(what: str, here: Sequence[Gpu]) -> NoGpuError:
    listed = "; ".join(f"{gpu.index}: {gpu.name} {gpu.uuid}" for gpu in here)
    return NoGpuError(what, cause=f"there are {len(here)}: {listed}", next="ask for what is there")


def _no_gpu_error() -> NoGpuError:
    facts = (gpu_problem() or "none was found", _visible_setting(), _torch_build())
    return NoGpuError(
        "a GPU was asked for and none can be used",
        cause="; ".join(facts),
        safe="nothing was started",
        next="use --device cpu (cluster kind local), or run `arraymill doctor` and mend what it names",
    )


def _visible_setting() -> str:
    setting = os.environ.get("CUDA_VISIBLE_DEVICES")
    return "CUDA_VISIBLE_DEVICES is not set" if setting is None else f"CUDA_VISIBLE_DEVICES={setting!r}"


def _torch_build() -> str:
    """Return which torch is installed, from its metadata: importing it would take seconds."""
    from importlib import metadata

    try:
        version = metadata.version("torch")
    except metadata.PackageNotFoundError:
        return "torch is not installed"
    return f"torch {version}" + (" was built without CUDA" if version.endswith("+cpu") else "")
