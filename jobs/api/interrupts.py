"""Moments that an interrupt must not cut in two."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["deferred_interrupts"]

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)


@contextmanager
def deferred_interrupts() -> Iterator[None]:
    """Hold SIGINT, SIGTERM and SIGUSR1 back until the end of the ``with``, then let their handlers run.

    Handlers belong to the main thread; on others nothing has to be held back, for nothing arrives there.

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
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    arrived: list[tuple[int, FrameType | None]] = []
    before = {number: signal.signal(number, lambda *arguments: arrived.append(arguments)) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            # None: the handler was not installed from Python, and cannot be put back from it
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
    if arrived:
        signal.raise_signal(arrived[0][0])
