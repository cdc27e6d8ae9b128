"""Where a job runs: on which device, and whether starting processes is worth it. Said and recorded, never silent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from .limits import DeviceKind
from .planning import Plan

__all__ = ["INLINE_S", "Place", "PlaceKind", "choose_device", "choose_place", "process_bytes"]

PlaceKind: TypeAlias = Literal["inline", "local", "cuda"]

INLINE_S = 10.0
"""Jobs predicted to be shorter run in this process: a cluster takes about 3 s to start and stop."""
_CUDA_START_S = 8.0
"""What a CUDA worker costs before its first block: torch, the CUDA context, the health check."""
_PROCESS_BYTES = {"inline": 64 << 20, "local": 96 << 20, "cuda": 512 << 20}
"""Anonymous memory of a process before it has any array: with NumPy; with distributed; with torch and CUDA."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a job runs, and why there.

    Parameters
    ----------
    kind : {"inline", "local", "cuda"}
    device : {"cpu", "cuda"}
    reason : str
    """

    kind: PlaceKind
    device: DeviceKind
    reason: str


def process_bytes(kind: PlaceKind) -> int:
    """Return the memory that a worker's process takes before it has any array.

    >>> process_bytes("inline") >> 20
    64
    """
    return _PROCESS_BYTES[kind]


def choose_device(plan_on: Callable[[DeviceKind], Plan]) -> tuple[Plan, str]:
    """Return the plan on the faster device of a machine with a GPU, and the reason.

    Parameters
    ----------
    plan_on : callable
        Plans the job on a device.
    """
    on_cpu, on_cuda = plan_on("cpu"), plan_on("cuda")
    cuda_s = on_cuda.predicted_s + _CUDA_START_S
    if cuda_s < on_cpu.predicted_s:
        return on_cuda, f"CUDA: predicted {cuda_s:.1f} s against {on_cpu.predicted_s:.1f} s on the CPU"
    return on_cpu, (
        f"CPU: predicted {on_cpu.predicted_s:.1f} s, the {on_cpu.binding} being the limit; "
        f"a GPU would need {cuda_s:.1f} s with its start"
    )


def choose_place(plan: Plan, *, reason: str = "") -> Place:
    """Return where to run a plan if the user left it open."""
    if plan.limits.device == "cuda":
        return Place("cuda", "cuda", reason or "one worker per GPU")
    if plan.predicted_s < INLINE_S:
        short = f"in this process: predicted {plan.predicted_s:.1f} s, too short for a cluster"
        return Place("inline", "cpu", reason or short)
    return Place("local", "cpu", reason or f"worker processes: predicted {plan.predicted_s:.0f} s")
