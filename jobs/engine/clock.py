"""Where the time of a block went, and how many bytes moved.

The steps of a block follow one another, and their seconds are at most the block's; but on a GPU they overlap, and each
counts the seconds in which it was busy (`device/meter.py`).
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, TypeAlias

__all__ = ["Clock", "Step"]

Step: TypeAlias = Literal["read", "to_device", "compute", "from_device", "write"]


class Clock:
    """Seconds and bytes per step of one block.

    Examples
    --------
    >>> clock = Clock()
    >>> with clock.step("read"):
    ...     clock.bytes_read += 4
    >>> sorted(clock.seconds), clock.bytes_read
    (['read'], 4)
    """

    __slots__ = ("bytes_read", "bytes_written", "seconds")

    def __init__(self) -> None:
        self.seconds: dict[Step, float] = {}
        self.bytes_read = 0
        self.bytes_written = 0

    @contextmanager
    def step(self, name: Step) -> Iterator[None]:
        """Count the seconds of a ``with`` to a step."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start
