"""The GPUs that the NVIDIA driver reports through NVML, which wakes no CUDA context and allocates nothing."""

from __future__ import annotations

import ctypes
import importlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

__all__ = ["Gpu", "NvmlUnavailable", "list_gpus"]


@dataclass(frozen=True, slots=True)
class Gpu:
    """A GPU, or one MIG instance of a GPU.

    Parameters
    ----------
    index : int
        Index of the physical GPU in PCI bus order.
    uuid : str
        ``GPU-...`` or ``MIG-...``: the name to ask for it by.
    name : str
    memory_total_bytes, memory_free_bytes : int
    compute_capability : tuple of int
    """

    index: int
    uuid: str
    name: str
    memory_total_bytes: int
    memory_free_bytes: int
    compute_capability: tuple[int, int]

    @property
    def is_mig(self) -> bool:
        """Whether this is a MIG instance."""
        return self.uuid.startswith("MIG-")


class NvmlUnavailable(Exception):  # noqa: N818 - a reason, handled where it is met
    """There is no driver to ask; the message says why."""


def list_gpus() -> tuple[Gpu, ...]:
    """Return every GPU and MIG instance of this machine, in PCI bus order.

    A GPU in MIG mode is reported as its instances: CUDA cannot use it whole.

    Raises
    ------
    NvmlUnavailable
        If the driver or its library cannot be reached.
    """
    with _nvml() as nvml:
        return tuple(_list_all(nvml))


@contextmanager
def _nvml() -> Iterator[Any]:
    if not _has_library():
        raise NvmlUnavailable("the NVIDIA driver did not answer (NVML Shared Library Not Found)")
    try:
        nvml = importlib.import_module("pynvml")
    except ImportError as error:
        raise NvmlUnavailable(f"nvidia-ml-py is not installed ({error})") from error
    try:
        nvml.nvmlInit()
    except nvml.NVMLError as error:
        raise NvmlUnavailable(f"the NVIDIA driver did not answer ({error})") from error
    # It stays open until this process ends: where no other process has the GPU open, each opening wakes it up, which
    # takes seconds, and a job asks several times. NVML counts its users, so that opening again costs nothing.
    try:
        yield nvml
    except nvml.NVMLError as error:
        raise NvmlUnavailable(f"the NVIDIA driver failed ({error})") from error


def _has_library() -> bool:
    """Return whether there is a driver's library to load: to import what would load it takes tens of milliseconds."""
    try:
        ctypes.CDLL("libnvidia-ml.so.1")
    except OSError:
        return "pynvml" in sys.modules
    return True


def _list_all(nvml: Any) -> Iterator[Gpu]:
    for index in range(nvml.nvmlDeviceGetCount()):
        device = nvml.nvmlDeviceGetHandleByIndex(index)
        parts = [device] if not _is_in_mig_mode(nvml, device) else _list_mig_instances(nvml, device)
        yield from (_describe(nvml, index, device, part) for part in parts)


def _is_in_mig_mode(nvml: Any, device: Any) -> bool:
    try:
        mode, _ = nvml.nvmlDeviceGetMigMode(device)
    except nvml.NVMLError:
        # a GPU without the mode, an old driver, a virtual machine that may not ask
        return False
    return bool(mode == nvml.NVML_DEVICE_MIG_ENABLE)


def _list_mig_instances(nvml: Any, device: Any) -> list[Any]:
    slots = range(nvml.nvmlDeviceGetMaxMigDeviceCount(device))
    handles = (_ask(nvml, nvml.nvmlDeviceGetMigDeviceHandleByIndex, device, slot) for slot in slots)
    return [handle for handle in handles if handle is not None]


def _describe(nvml: Any, index: int, device: Any, part: Any) -> Gpu:
    memory = _ask(nvml, nvml.nvmlDeviceGetMemoryInfo, part)
    return Gpu(
        index=index,
        uuid=_text(nvml.nvmlDeviceGetUUID(part)),
        name=_text(nvml.nvmlDeviceGetName(part)),
        # GPUs that share the host's memory (GB10) report none of their own.
        memory_total_bytes=int(memory.total) if memory is not None else 0,
        memory_free_bytes=int(memory.free) if memory is not None else 0,
        compute_capability=tuple(nvml.nvmlDeviceGetCudaComputeCapability(device)),
    )


def _ask(nvml: Any, question: Callable[..., Any], *args: Any) -> Any:
    """Return the driver's answer, or None where it has none: no MIG, an empty slot."""
    try:
        return question(*args)
    except (nvml.NVMLError_NotSupported, nvml.NVMLError_NotFound, nvml.NVMLError_InvalidArgument):
        return None


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
