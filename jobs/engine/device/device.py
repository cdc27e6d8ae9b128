"""What the engine needs of a device: streams that run behind, events that order them, memory on both sides of the link.

`CudaDevice` is a GPU; `FakeDevice` does the same with threads and delays, so that an order that is missing is seen
without one. The words are CUDA's. An event stands for the place in a stream where it was last recorded; to wait for one
that was never recorded waits for nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Literal, Protocol, TypeAlias

import torch

__all__ = ["Device", "Event", "EventName", "Stream"]

EventName: TypeAlias = Literal[
    "allocated", "h2d_done", "ready", "last_use", "computed", "drained", "copied", "began", "ended"
]
"""What an event guards; the table is in the package's docstring."""


class Event(Protocol):
    """A place in a stream."""

    def synchronize(self) -> None:
        """Let the calling thread sleep until the stream has come by; raise what the device raised until there."""

    def seconds_to(self, later: Event) -> float:
        """Return the seconds between two events that are both behind the device."""


class Stream(Protocol):
    """Work that the device does in order, while this process goes on."""

    def run(self, work: Callable[[], object]) -> None:
        """Do `work`, calls of torch on the device's tensors, once what came before is done."""

    def wait(self, event: Event) -> None:
        """Do what comes after this call only once `event` has happened."""

    def record(self, event: Event) -> None:
        """Let `event` be this place."""


class Device(Protocol):
    """Where the engine computes."""

    @property
    def rounds_to_tf32(self) -> bool:
        """Whether products in TF32 round their operands by themselves; else the engine does it."""

    @property
    def n_allocations(self) -> int:
        """How often memory was taken so far, on either side of the link."""

    def stream(self, name: str) -> Stream:
        """Return a new stream."""

    def event(self, name: EventName) -> Event:
        """Return a new event."""

    def pin(self, n_bytes: int) -> torch.Tensor:
        """Return bytes of host memory that the device copies from and to by itself."""

    def allocate(self, n_bytes: int) -> torch.Tensor:
        """Return bytes of device memory, in the order of the stream that is the device's default."""

    def follow(self, stream: Stream) -> None:
        """Order a stream once behind what was allocated so far."""

    def copy(self, stream: Stream, target: torch.Tensor, source: torch.Tensor) -> None:
        """Copy between the sides of the link: asynchronously, in the order of the stream."""

    def scrub(self, tensor: torch.Tensor, stream: Stream | None = None) -> None:
        """Spoil memory that nobody may read any more: the fake does, a GPU has better things to do."""

    def tf32(self, allowed: bool) -> AbstractContextManager[None]:
        """Allow or forbid TF32 in the products of float32 that are started meanwhile."""

    def multiply(self, total: torch.Tensor, a: torch.Tensor, b: torch.Tensor, *, is_first: bool) -> None:
        """Do ``total = a @ b``, or ``total += a @ b`` in place; operands in half precision are added up in float32."""

    def synchronize(self) -> None:
        """Wait for everything that was started; raise what the device raised."""

    def release(self) -> None:
        """Say that all memory was let go of, so that the library that keeps it may give it back."""

    def close(self) -> None:
        """End what runs behind."""
