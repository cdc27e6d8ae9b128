"""What a job may take of a machine, and what one task may take of that."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from .blocks import ceil_div

__all__ = [
    "Budget",
    "DeviceKind",
    "Limits",
    "Precision",
    "fit_workers",
    "limits_of",
    "room_advice",
    "usable_device_bytes",
    "widened",
    "workers_bytes",
]

DeviceKind: TypeAlias = Literal["cpu", "cuda"]
Precision: TypeAlias = Literal["strict", "standard", "fast", "fast-fp32", "fast-bf16"]
"""What a user asks for. The last three differ on CUDA only, and only in products (`ProductMode`)."""

_TASK_SHARE = 8
"""A task's arrays may take an eighth of the memory, so that several workers and their own needs fit beside."""
_WIDE_SHARE = 0.75
"""And what cannot be cut into smaller tasks so much, beside what a process takes for itself."""
_LEAST_TASK_BYTES = 1 << 20
_MOST_TASK_BYTES = {"cpu": 640 << 20, "cuda": 4 << 30}
"""A larger share buys no speed: a core multiplies at full speed from tiles of 2048 x 2048 on, and a GPU is fed through
at most 2 GiB of pinned slots."""
_MEGABYTE = 1_000_000
_DEVICE_RESERVE_BYTES = 512 << 20
"""For the libraries' own memory on a device: cuBLAS's workspaces, what a caching allocator rounds up."""


@dataclass(frozen=True, slots=True)
class Budget:
    """Memory that a job may take.

    Parameters
    ----------
    host_bytes : int
        For all workers on a machine together.
    device_bytes : int
        For each GPU; 0 on the CPU.
    """

    host_bytes: int
    device_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Limits:
    """What a plan may use. The only facts about the machine that a plan depends on.

    Parameters
    ----------
    device : {"cpu", "cuda"}
    precision : {"strict", "standard", "fast", "fast-fp32", "fast-bf16"}
    task_host_bytes, task_device_bytes : int
        Memory that the arrays of one task may take on the host and on the device.
    block_bytes : int, optional
        Size of a task's share of the largest array; chosen by the operation when left out.
    is_wide : bool
        A task may take most of the memory, as nothing fits into less.
    """

    device: DeviceKind = "cpu"
    precision: Precision = "standard"
    task_host_bytes: int = 256 << 20
    task_device_bytes: int = 1 << 30
    block_bytes: int | None = None
    is_wide: bool = False


def limits_of(budget: Budget, *, device: DeviceKind, precision: Precision, block_bytes: int | None = None) -> Limits:
    """Return what one task may take of a budget.

    >>> limits_of(Budget(1_000_000_000), device="cpu", precision="standard").task_host_bytes
    125000000
    """
    host = min(max(budget.host_bytes // _TASK_SHARE, _LEAST_TASK_BYTES), _MOST_TASK_BYTES[device])
    return Limits(device, precision, host, usable_device_bytes(budget.device_bytes), block_bytes)


def usable_device_bytes(limit_bytes: int) -> int:
    """Return what arrays may take of a limit of device memory: all but half a GiB, or but a quarter of a small one.

    >>> usable_device_bytes(8 << 30) / 2**30
    7.5
    """
    return limit_bytes - min(_DEVICE_RESERVE_BYTES, limit_bytes // 4)


def widened(limits: Limits, budget: Budget) -> Limits:
    """Return limits for what cannot be cut any smaller: one task may take most of the memory, and has few beside it.

    >>> widened(Limits(), Budget(40_000_000_000)).task_host_bytes
    30000000000
    """
    host = max(int(budget.host_bytes * _WIDE_SHARE), limits.task_host_bytes)
    return replace(limits, task_host_bytes=host, is_wide=True)


def room_advice(limits: Limits, task_bytes: int, *ways_out: str) -> str:
    """Return what to do about a task that takes more than most of the memory: which limit to raise, to what.

    Parameters
    ----------
    limits : Limits
    task_bytes : int
        What the arrays of the task need.
    *ways_out : str
        What else helps.

    Examples
    --------
    >>> room_advice(Limits(), 600_000_000, "ask for fewer components")
    '--memory 800MB or more, or ask for fewer components'
    >>> room_advice(Limits("cuda"), 2 << 30)
    '--memory 2864MB --device-memory 2685MB or more'
    """
    needed = {"--memory": math.ceil(task_bytes / _WIDE_SHARE)} if task_bytes > limits.task_host_bytes else {}
    if limits.device == "cuda" and task_bytes > limits.task_device_bytes:
        needed["--device-memory"] = task_bytes + min(_DEVICE_RESERVE_BYTES, ceil_div(task_bytes, 3))
    raised = " ".join(f"{option} {ceil_div(n_bytes, _MEGABYTE)}MB" for option, n_bytes in needed.items())
    return ", or ".join((f"{raised} or more", *ways_out))


def fit_workers(budget: Budget, *, task_bytes: int, process_bytes: int, shared_process: bool) -> int:
    """Return how many workers fit in the budget; 0 if not one does.

    Parameters
    ----------
    task_bytes : int
        Memory of one task's arrays.
    process_bytes : int
        What a process takes before it has any array.
    shared_process : bool
        The workers are threads of one process.

    Examples
    --------
    >>> fit_workers(Budget(1 << 30), task_bytes=128 << 20, process_bytes=128 << 20, shared_process=False)
    4
    """
    if shared_process:
        return max((budget.host_bytes - process_bytes) // max(task_bytes, 1), 0)
    return budget.host_bytes // (task_bytes + process_bytes)


def workers_bytes(n_workers: int, *, task_bytes: int, process_bytes: int, shared_process: bool) -> int:
    """Return the memory that `n_workers` take.

    >>> workers_bytes(2, task_bytes=10, process_bytes=100, shared_process=True)
    120
    """
    return n_workers * task_bytes + (1 if shared_process else n_workers) * process_bytes
