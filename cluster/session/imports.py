"""Imports that Ctrl-C does not cut short: one that was cannot be made again in the same process, as in a notebook."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["uninterrupted"]


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Let SIGINT wait for the end of the ``with``, and do then what it would have done.

    Of a package whose import is cut short the modules that were done stay, without their place in it: a second import
    ends with "module 'dask' has no attribute 'utils'". Signals reach the main thread alone: in others nothing is done.
    """
    handler = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(handler):
        yield
        return
    frames: list[FrameType | None] = []
    signal.signal(signal.SIGINT, lambda signum, frame: frames.append(frame))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
        if frames:
            handler(signal.SIGINT, frames[0])
