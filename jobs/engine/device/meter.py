"""How long the stages of a pipeline were busy, while all of them run at once.

A thread's stage counts the seconds in which at least one of its threads worked; a stream's the seconds between events
around each piece of its work, waits left out. Together they are more than the task took: that is what overlap is. The
largest is the stage that limits the task.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

from .device import Device, Event, Stream

__all__ = ["BusyThreads", "StreamMeter"]

_N_PAIRS = 64
"""Pairs of events in turn. A stream that is further behind than this lets the thread that fills it wait."""


class BusyThreads:
    """The seconds and bytes of a stage of several threads.

    Examples
    --------
    >>> stage = BusyThreads()
    >>> with stage.busy():
    ...     stage.add_bytes(3)
    >>> stage.n_bytes, stage.seconds > 0
    (3, True)
    """

    __slots__ = ("_lock", "_n_busy", "_since_s", "n_bytes", "seconds")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._n_busy = 0
        self._since_s = 0.0
        self.n_bytes = 0
        self.seconds = 0.0

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Count a ``with`` as work."""
        with self._lock:
            if self._n_busy == 0:
                self._since_s = time.perf_counter()
            self._n_busy += 1
        try:
            yield
        finally:
            with self._lock:
                self._n_busy -= 1
                if self._n_busy == 0:
                    self.seconds += time.perf_counter() - self._since_s

    def add_bytes(self, n_bytes: int) -> None:
        """Count bytes that were moved."""
        with self._lock:
            self.n_bytes += n_bytes


class StreamMeter:
    """The seconds that a stream worked. One thread at a time starts work on it.

    Parameters
    ----------
    device : Device
    stream : Stream
    """

    __slots__ = ("_pairs", "_turn", "_used", "seconds", "stream")

    def __init__(self, device: Device, stream: Stream) -> None:
        self.stream = stream
        self.seconds = 0.0
        self._pairs: list[tuple[Event, Event]] = [
            (device.event("began"), device.event("ended")) for _ in range(_N_PAIRS)
        ]
        self._used = [False] * _N_PAIRS
        self._turn = 0

    def around(self, start: Callable[[], object]) -> None:
        """Start work on the stream between two events."""
        turn, self._turn = self._turn, (self._turn + 1) % _N_PAIRS
        self._collect(turn)
        began, ended = self._pairs[turn]
        self.stream.record(began)
        start()
        self.stream.record(ended)
        self._used[turn] = True

    def copy(self, device: Device, target: torch.Tensor, source: torch.Tensor) -> None:
        """Start a copy over the link."""
        self.around(lambda: device.copy(self.stream, target, source))

    def run(self, work: Callable[[], object]) -> None:
        """Start a computation."""
        self.around(lambda: self.stream.run(work))

    def finish(self) -> float:
        """Return the seconds so far, once the work is done, and begin again."""
        for turn in range(_N_PAIRS):
            self._collect(turn)
        seconds, self.seconds = self.seconds, 0.0
        return seconds

    def forget(self) -> None:
        """Begin again after a failure, whose events may not have happened."""
        self._used = [False] * _N_PAIRS
        self.seconds = 0.0

    def _collect(self, turn: int) -> None:
        if self._used[turn]:
            began, ended = self._pairs[turn]
            ended.synchronize()
            self.seconds += began.seconds_to(ended)
            self._used[turn] = False
