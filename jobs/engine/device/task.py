"""One run of a pipeline: its threads, its ways, its streams and what they took."""

from __future__ import annotations

from dataclasses import dataclass, field

from .buffers import Buffers, Layout
from .crew import Crew
from .device import Device
from .meter import BusyThreads, StreamMeter

__all__ = ["Task"]


@dataclass(frozen=True, slots=True)
class Task:
    """What the parts of a pipeline share during one run.

    Parameters
    ----------
    device : Device
    buffers : Buffers
        With all that the layout asks for.
    layout : Layout
    h2d, comp, d2h : StreamMeter
        The three streams.
    n_readers, n_writers : int
    """

    device: Device
    buffers: Buffers
    layout: Layout
    h2d: StreamMeter
    comp: StreamMeter
    d2h: StreamMeter
    n_readers: int
    n_writers: int
    crew: Crew = field(default_factory=Crew)
    reading: BusyThreads = field(default_factory=BusyThreads)
    writing: BusyThreads = field(default_factory=BusyThreads)
