"""A target as one block of a stored job sees it: fenced against later runs, summed, and on disk when it is closed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from numpy.typing import NDArray

from ..arrays import Target, Writer
from ..arrays.checksums import SummingWriter
from ..blocks import Region
from ..headers import ArrayHeader
from .clock import Clock
from .fence import Fence

__all__ = ["StoredTarget"]


class StoredTarget:
    """A target that keeps the checksum of what one block writes, in `crc32`.

    Parameters
    ----------
    target : Target
        As the stage sees it.
    fence : Fence or None
        Checked before every write.
    clock : Clock
        The seconds until the bytes are on disk count as written.
    """

    __slots__ = ("_clock", "_fence", "_target", "crc32")

    def __init__(self, target: Target, *, fence: Fence | None, clock: Clock) -> None:
        self._target, self._fence, self._clock = target, fence, clock
        self.crc32: int | None = None

    @property
    def header(self) -> ArrayHeader:
        """That of the target."""
        return self._target.header

    @contextmanager
    def open(self) -> Iterator[Writer]:
        """Open for writing; what was written is on disk when this is left, where the target is a file."""
        with ExitStack() as stack:
            writer = SummingWriter(stack.enter_context(self._target.open(durable=True)), self.header)
            yield _FencedWriter(writer, self._fence)
            with self._clock.step("write"):
                stack.close()
        self.crc32 = writer.crc

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Open for several threads; what they wrote, by `open_part`, is on disk when this is left.

        The checksum is theirs to add up, and to put in `crc32`.
        """
        with ExitStack() as stack:
            # from before the first write on: the system tells of a failed write only who had the file open
            stack.enter_context(self._target.open(durable=True))
            yield
            with self._clock.step("write"):
                stack.close()

    @contextmanager
    def open_part(self) -> Iterator[Writer]:
        """Open for one of several threads, within `hold`."""
        with self._target.open() as writer:
            yield _FencedWriter(writer, self._fence)


class _FencedWriter:
    __slots__ = ("_fence", "_writer")

    def __init__(self, writer: Writer, fence: Fence | None) -> None:
        self._writer, self._fence = writer, fence

    def write(self, region: Region, block: NDArray[Any]) -> int:
        if self._fence is not None:
            self._fence.check()
        return self._writer.write(region, block)
