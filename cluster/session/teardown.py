"""Ends what was started within a bounded time, whatever state it is in."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from typing import Any

__all__ = ["finish_within"]


def finish_within(timeout_s: float, function: Callable[[], Any]) -> bool:
    """Run a function in a thread of its own and return whether it ended in time, with or without an error.

    >>> finish_within(60, list)
    True
    """
    finished = threading.Event()

    def run() -> None:
        try:
            # What is closed is given up anyway; what stays behind is killed by the caller.
            with contextlib.suppress(Exception):
                function()
        finally:
            finished.set()

    threading.Thread(target=run, name="arraymill-teardown", daemon=True).start()
    return finished.wait(timeout_s)
