"""Signals to a process that drives a job: the first asks it to come to an end, the second to end at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Protocol

__all__ = ["StopSignals", "Stopped"]

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)


class Stopped(KeyboardInterrupt):
    """A signal arrived where there was nothing to bring to an end.

    Attributes
    ----------
    signum : int
    """

    def __init__(self, signum: int) -> None:
        super().__init__(signal.Signals(signum).name)
        self.signum = signum


class _Stop(Protocol):
    def drain(self) -> None: ...
    def leave(self) -> None: ...


class StopSignals:
    """What SIGINT, SIGTERM and SIGUSR1 do to a job, phase by phase.

    Outside `draining` a signal raises `Stopped` where the process happens to be. Inside, the first one asks the loop
    over blocks to send no more and to wait for those that run; the next asks it to leave; a third raises, too.
    SIGUSR1 is what SLURM sends ahead of a time limit.

    Parameters
    ----------
    is_urgent : callable
        Whether the first signal is to be taken for the second: the job was cancelled, and nobody waits for its blocks.
    on_drain : callable
        Called with the first signal's number while blocks are brought to an end.

    Examples
    --------
    >>> signals = StopSignals()
    >>> with signals.installed():
    ...     try:
    ...         signal.raise_signal(signal.SIGTERM)
    ...     except Stopped as stopped:
    ...         print(stopped, signals.signum == signal.SIGTERM)
    SIGTERM True
    """

    def __init__(
        self, *, is_urgent: Callable[[], bool] = lambda: False, on_drain: Callable[[int], object] = lambda signum: None
    ) -> None:
        self.signum: int | None = None
        self._is_urgent, self._on_drain = is_urgent, on_drain
        self._stop: _Stop | None = None
        self._n_asked = 0

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Take the signals for the length of a ``with``; on another thread than the main one nothing happens."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self._arrived) for number in _SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                # None: the handler was not installed from Python, and cannot be put back from it
                signal.signal(number, signal.SIG_DFL if handler is None else handler)

    @contextmanager
    def draining(self, stop: _Stop) -> Iterator[None]:
        """Hand signals to the loop over blocks for the length of a ``with``."""
        self._stop, self._n_asked = stop, 0
        try:
            yield
        finally:
            self._stop = None

    def _arrived(self, signum: int, frame: FrameType | None) -> None:
        self.signum = self.signum or signum
        self._n_asked += 1
        if self._stop is None or self._n_asked > 2:
            raise Stopped(signum)
        if self._n_asked == 1 and not self._is_urgent():
            self._on_drain(signum)
            self._stop.drain()
        else:
            self._stop.leave()
