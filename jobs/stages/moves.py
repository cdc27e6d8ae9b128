"""Bytes that a job moves over the link to a GPU, and the fewest that it must read."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Moves"]


@dataclass(frozen=True, slots=True)
class Moves:
    """Bytes of a whole job, those over the link for one GPU that does it alone.

    Parameters
    ----------
    to_device_bytes, from_device_bytes : int
        Over the link; 0 on the CPU.
    least_in_bytes : int
        Fewer cannot be read, or copied to the device, whatever the schedule.
    fill_bytes : int
        Read and copied before the first product can begin.
    drain_bytes : int
        Copied back and written after the last product has ended.

    Examples
    --------
    >>> Moves(to_device_bytes=100).drain_bytes
    0
    """

    to_device_bytes: int = 0
    from_device_bytes: int = 0
    least_in_bytes: int = 0
    fill_bytes: int = 0
    drain_bytes: int = 0
