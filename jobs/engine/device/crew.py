"""The threads of one run: the first that fails stops all, and its error is the run's."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from .channel import Channel, Shelf, Stopped

__all__ = ["Crew"]


class Crew:
    """Threads and the ways between them.

    Examples
    --------
    >>> crew, ways = Crew(), Channel[int]()
    >>> crew.watch(ways)
    >>> crew.start(ways.take, name="waits")
    >>> crew.start(lambda: {}["x"], name="fails")
    >>> crew.join()
    Traceback (most recent call last):
    KeyError: 'x'
    """

    def __init__(self) -> None:
        self._error: BaseException | None = None
        self._is_stopped = False
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._ways: list[Channel[Any] | Shelf[Any]] = []

    def watch(self, *ways: Channel[Any] | Shelf[Any]) -> None:
        """Cut these when the run stops, or now if it has."""
        with self._lock:
            self._ways.extend(ways)
            is_stopped = self._is_stopped
        if is_stopped:
            self.stop()

    def start(self, work: Callable[[], object], *, name: str) -> None:
        """Do `work` in a thread."""
        thread = threading.Thread(target=self._attempt, args=(work,), name=f"arraymill-{name}", daemon=True)
        self._threads.append(thread)
        thread.start()

    def join(self) -> None:
        """Wait for all threads, and raise the first error of one of them.

        Raises
        ------
        BaseException
            As the thread raised it.
        """
        for thread in self._threads:
            thread.join()
        self._threads.clear()
        error, self._error = self._error, None
        if error is not None:
            raise error

    def stop(self) -> None:
        """Cut all ways, so that every thread ends at its next step."""
        with self._lock:
            self._is_stopped = True
            ways = tuple(self._ways)
        for way in ways:
            way.cut()

    def _attempt(self, work: Callable[[], object]) -> None:
        try:
            # NumPy keeps this per thread: inf and nan are the user's business when he looks at the result
            with np.errstate(all="ignore"):
                work()
        except Stopped:
            return
        except BaseException as error:  # noqa: BLE001 - raised again by the thread that runs the block
            with self._lock:
                self._error = self._error or error
            self.stop()
