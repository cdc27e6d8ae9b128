"""Streams and events of the fake device: a thread per stream, which works late and in order."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from random import Random

from .device import Event, EventName

__all__ = ["FakeEvent", "FakeStream", "Faults"]

_SHORTEST_DELAY_S = 2e-5
"""The system's clock cannot do less: to ask for it takes longer."""


class Faults:
    """The first error of a device: from then on it does nothing until someone has looked."""

    __slots__ = ("error",)

    def __init__(self) -> None:
        self.error: BaseException | None = None

    def check(self) -> None:
        """Raise the error."""
        if self.error is not None:
            raise self.error

    def clear(self) -> BaseException | None:
        """Forget the error and return it."""
        error, self.error = self.error, None
        return error


class _Mark:
    """One place in one stream."""

    __slots__ = ("passed", "passed_s")

    def __init__(self) -> None:
        self.passed = threading.Event()
        self.passed_s = 0.0

    def pass_by(self) -> None:
        self.passed_s = time.perf_counter()
        self.passed.set()


class FakeEvent:
    """An event: the mark that it was recorded as last.

    Parameters
    ----------
    name : EventName
    faults : Faults
        Of its device.
    """

    __slots__ = ("_faults", "mark", "name")

    def __init__(self, name: EventName, faults: Faults) -> None:
        self.name, self._faults = name, faults
        self.mark: _Mark | None = None

    def synchronize(self) -> None:
        """Wait for the mark."""
        if self.mark is not None:
            self.mark.passed.wait()
        self._faults.check()

    def seconds_to(self, later: Event) -> float:
        """Return the seconds between two marks that were passed."""
        assert isinstance(later, FakeEvent)
        assert self.mark is not None
        assert later.mark is not None
        return later.mark.passed_s - self.mark.passed_s


class FakeStream:
    """A thread that does what it is told in order, each after a delay.

    Parameters
    ----------
    name : str
    faults : Faults
        Of its device.
    delays : Random
        The stream's own.
    longest_delay_s : float

    Examples
    --------
    >>> faults = Faults()
    >>> stream, done, seen = FakeStream("comp", faults, Random(0), 0.0), FakeEvent("computed", faults), []
    >>> stream.run(lambda: seen.append(1))
    >>> stream.record(done)
    >>> done.synchronize()
    >>> stream.close()
    >>> seen
    [1]
    """

    def __init__(self, name: str, faults: Faults, delays: Random, longest_delay_s: float) -> None:
        self._faults, self._delays, self._longest_delay_s = faults, delays, longest_delay_s
        # The wait comes before a mark is looked at, and the other way round: marks pass even when the device failed.
        self._todo: queue.SimpleQueue[Callable[[], object] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._do_all, name=f"fake-{name}", daemon=True)
        self._thread.start()

    def run(self, work: Callable[[], object]) -> None:
        """Do `work` behind, unless the device failed meanwhile."""
        self._faults.check()
        self._todo.put(lambda: self._attempt(work))

    def wait(self, event: Event) -> None:
        """Wait behind for the mark that the event has now."""
        assert isinstance(event, FakeEvent)
        if event.mark is not None:
            self._todo.put(event.mark.passed.wait)

    def record(self, event: Event) -> None:
        """Give the event a new mark, here."""
        assert isinstance(event, FakeEvent)
        event.mark = _Mark()
        self._todo.put(event.mark.pass_by)

    def close(self) -> None:
        """End the thread, once it has done all."""
        self._todo.put(None)
        self._thread.join()

    def _do_all(self) -> None:
        while (item := self._todo.get()) is not None:
            item()
            # nothing is kept alive while the stream has nothing to do
            del item

    def _attempt(self, work: Callable[[], object]) -> None:
        if self._longest_delay_s:
            # most are short: a few long ones change an order, many only take time
            delay_s = self._longest_delay_s * self._delays.random() ** 4
            if delay_s > _SHORTEST_DELAY_S:
                time.sleep(delay_s)
        if self._faults.error is not None:
            return
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - raised again by whoever waits for the device
            self._faults.error = error
