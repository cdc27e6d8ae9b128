"""Callbacks by which a running job tells its caller how it gets on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..plans.chain_plan import AnyPlan
from ..plans.placement import Place
from ..runner import Progress

__all__ = ["SILENT", "Watch"]


@dataclass(frozen=True, slots=True)
class Watch:
    """Callbacks of a running job; each does nothing unless it is given.

    Parameters
    ----------
    on_create : callable
        ``on_create(job_id)`` once the job is in the store.
    on_plan : callable
        ``on_plan(plan, place)``, before work starts.
    on_wait : callable
        ``on_wait(reason)`` when the job waits for devices, and again when the reason changes.
    on_open : callable
        ``on_open(session)`` with the cluster that was opened or attached to.
    on_progress : callable
        ``on_progress(progress)`` after every block.
    on_drain : callable
        ``on_drain(signum)`` from a signal's handler, when blocks are brought to an end. It must not wait or lock.
    """

    on_create: Callable[[str], object] = lambda job_id: None
    on_plan: Callable[[AnyPlan, Place], object] = lambda plan, place: None
    on_wait: Callable[[str], object] = lambda reason: None
    on_open: Callable[[Any], object] = lambda session: None
    on_progress: Callable[[Progress], object] = lambda progress: None
    on_drain: Callable[[int], object] = lambda signum: None


SILENT = Watch()
"""Hears nothing."""
