"""Where a job runs: on which device, and whether starting processes is worth it. Said and recorded, never silent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from ..durations import format_seconds
from ..limits import DeviceKind
from ..rates.workers import Rates
from .chain_plan import AnyPlan

__all__ = ["INLINE_S", "Place", "PlaceKind", "choose_device", "choose_place", "process_bytes"]

PlaceKind: TypeAlias = Literal["inline", "local", "cuda"]

INLINE_S = 10.0
"""Jobs predicted to be shorter run in this process: a cluster takes about 3 s to start and stop."""
_CUDA_START_S = 8.0
"""What a CUDA worker costs before its first block: torch, the CUDA context, the health check."""
_PROCESS_BYTES = {"inline": 64 << 20, "local": 96 << 20, "cuda": 512 << 20}
"""Anonymous memory of a process before it has any array: with NumPy; with distributed; with torch and CUDA."""
_LIMITS = {"read": "reading", "compute": "computing", "write": "writing"}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a job runs, and why there.

    Parameters
    ----------
    kind : {"inline", "local", "cuda"}
    device : {"cpu", "cuda"}
    reason : str
    rates : Rates or None
        What the plan's seconds are predicted from; nominal ones where it is not said.
    """

    kind: PlaceKind
    device: DeviceKind
    reason: str
    rates: Rates | None = None


def process_bytes(kind: PlaceKind) -> int:
    """Return the memory that a worker's process takes before it has any array.

    >>> process_bytes("inline") >> 20
    64
    """
    return _PROCESS_BYTES[kind]


def choose_device(
    plan_on: Callable[[DeviceKind], AnyPlan], ceilings: Callable[[AnyPlan], str] = lambda plan: "nominal"
) -> tuple[AnyPlan, str]:
    """Return the plan on the faster device of a machine with a GPU, and the reason.

    Parameters
    ----------
    plan_on : callable
        Plans the job on a device.
    ceilings : callable
        Says of a plan whether it is predicted at "measured" or "nominal" rates.

    Notes
    -----
    Reductions read each byte once: from a warm page cache all cores may have done so before the link to a GPU could
    deliver the same bytes, however fast the GPU is.
    """
    on_cpu, on_cuda = plan_on("cpu"), plan_on("cuda")
    cuda_s, link_s = on_cuda.predicted_s + _CUDA_START_S, _link_s(on_cuda)
    here, there = format_seconds(on_cpu.predicted_s), format_seconds(cuda_s)
    rates = _said_rates(ceilings(on_cpu), ceilings(on_cuda))
    if cuda_s < on_cpu.predicted_s:
        return on_cuda, f"CUDA: predicted {there} with its start, against {here} on the CPU; {rates}"
    done = f"CPU: predicted {here}, {_LIMITS.get(on_cpu.binding, on_cpu.binding)} being the limit"
    if link_s >= on_cpu.predicted_s:
        link = f"it is done before the link to a GPU could deliver the arrays, which takes {format_seconds(link_s)}"
        return on_cpu, f"{done}: {link}; {rates}"
    return on_cpu, f"{done}; a GPU would need {there} with its start; {rates}"


def _said_rates(on_cpu: str, on_cuda: str) -> str:
    return f"at {on_cpu} rates" if on_cpu == on_cuda else f"at {on_cpu} rates of the CPU and {on_cuda} ones of the GPU"


def _link_s(plan: AnyPlan) -> float:
    """Return the seconds that the copies to and from the device take alone, the slower way."""
    return max((plan.seconds.get(step, 0.0) for step in ("link", "to_device", "from_device")), default=0.0)


def choose_place(plan: AnyPlan, *, reason: str = "", rates: Rates | None = None) -> Place:
    """Return where to run a plan if the user left it open.

    Parameters
    ----------
    plan : Plan
    reason : str
        Why it runs on its device, where that was chosen.
    rates : Rates, optional
        What it was planned with.
    """
    if plan.limits.device == "cuda":
        return Place("cuda", "cuda", reason or "one worker per GPU", rates)
    predicted = format_seconds(plan.predicted_s)
    if plan.predicted_s < INLINE_S:
        short = f"in this process: predicted {predicted}, too short for a cluster"
        return Place("inline", "cpu", reason or short, rates)
    return Place("local", "cpu", reason or f"worker processes: predicted {predicted}", rates)
