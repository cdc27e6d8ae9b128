"""Signals to a process that runs a job: the first asks it to come to an end, the second to end at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from types import FrameType
from typing import Protocol

__all__ = ["StopSignals", "Stopped", "deferred_interrupts"]

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)


class Stopped(KeyboardInterrupt):
    """A signal arrived outside the loop over blocks.

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

    def installed(self) -> AbstractContextManager[None]:
        """Take the signals for the length of a ``with``; on another thread than the main one nothing happens."""
        return _taken_by(self._arrived)

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


@contextmanager
def deferred_interrupts() -> Iterator[None]:
    """Hold SIGINT, SIGTERM and SIGUSR1 back until the end of the ``with``, then let their handlers run.

    On another thread than the main one nothing is held back, for no handler runs there.

    Examples
    --------
    >>> done = []
    >>> try:
    ...     with deferred_interrupts():
    ...         signal.raise_signal(signal.SIGINT)
    ...         done.append("the whole step")
    ... except KeyboardInterrupt:
    ...     done.append("then the interrupt")
    >>> done
    ['the whole step', 'then the interrupt']
    """
    arrived: list[int] = []
    with _taken_by(lambda signum, frame: arrived.append(signum)):
        yield
    if arrived:
        signal.raise_signal(arrived[0])


@contextmanager
def _taken_by(handler: Callable[[int, FrameType | None], object]) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    # A signal may arrive, and its handler raise, between any two of these calls: all handlers are put back even so.
    with ExitStack() as stack:
        for number in _SIGNALS:
            before = signal.getsignal(number)
            # None: the handler was not installed from Python, and cannot be put back from it
            stack.callback(signal.signal, number, signal.SIG_DFL if before is None else before)
            signal.signal(number, handler)
        yield
