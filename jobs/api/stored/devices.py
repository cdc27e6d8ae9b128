"""Waits until the devices that a job wants are free: one job at a time on each, in the order of their tickets."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from arraymill.cluster.devices import gpus, select_gpus

from ...job import Job
from ...plans.placement import Place
from ...store import DeviceHold, DeviceQueue, Wants

__all__ = ["hold_devices", "wanted_devices"]

_POLL_S = 0.1
"""How often a waiting job looks whether it is its turn: nobody tells it, for there is no daemon."""


def wanted_devices(job: Job, place: Place) -> Wants:
    """Return the devices that a job needs for itself: all CPUs of the machine as one, or GPUs by UUID."""
    if place.device == "cpu":
        return Wants(1, ("cpu",))
    asked = job.spec.cluster.gpus
    if place.kind == "inline":
        return Wants(1, tuple(gpu.uuid for gpu in select_gpus(asked)[:1]))
    if isinstance(asked, int):
        return Wants(asked, tuple(gpu.uuid for gpu in gpus()))
    chosen = tuple(gpu.uuid for gpu in select_gpus(asked))
    return Wants(len(chosen), chosen)


@contextmanager
def hold_devices(job_id: str, wants: Wants, on_wait: Callable[[str], object]) -> Iterator[DeviceHold]:
    """Hold devices for the length of a ``with``; the kernel lets go of them when the process dies.

    Parameters
    ----------
    job_id : str
    wants : Wants
    on_wait : callable
        Called with the reason while the job waits: once, and again when the reason changes.
    """
    queue, said = DeviceQueue(), ""
    with queue.take_ticket(job_id, wants) as ticket:
        while isinstance(found := queue.try_take(ticket), str):
            if found != said:
                on_wait(found)
                said = found
            time.sleep(_POLL_S)
    with found:
        yield found
