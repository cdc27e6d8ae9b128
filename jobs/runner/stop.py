"""How a run is asked to stop, from a signal handler or another thread."""

from __future__ import annotations

__all__ = ["Stop"]


class Stop:
    """A wish to stop, which the run looks at several times a second.

    Examples
    --------
    >>> stop = Stop()
    >>> stop.drain()
    >>> stop.is_draining, stop.is_leaving
    (True, False)
    """

    __slots__ = ("is_draining", "is_leaving")

    # Plain attributes: a signal handler may run between any two steps of the thread that would hold a lock.
    def __init__(self) -> None:
        self.is_draining = False
        self.is_leaving = False

    def drain(self) -> None:
        """Send no more blocks, wait for those that run, commit them, and end as interrupted."""
        self.is_draining = True

    def leave(self) -> None:
        """Commit what has arrived and end as interrupted at once."""
        self.is_draining = self.is_leaving = True
