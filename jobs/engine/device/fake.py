"""A device that is none: CPU memory, threads for streams, delays, and poison where nobody may read.

It finds orders that are missing. Copies and products happen late, on their stream's thread; memory is full of NaN (-1
for integers, True for booleans) from the allocation on, and again as soon as a slot is given to its next use. So who
reads too early, or writes too late, gets a wrong answer. It keeps the arithmetic of the CPU.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random

import torch

from .device import EventName, Stream
from .fake_stream import FakeEvent, FakeStream, Faults

__all__ = ["FakeDevice"]

_POISON = 0xFF
"""Bytes of ones are a NaN in every floating point format."""


class FakeDevice:
    """Streams as threads.

    Parameters
    ----------
    seed : int
        Of the delays.
    longest_delay_s : float
        Each piece of work is late by up to so much.
    memory_bytes : int, optional
        Beyond this the device is out of memory.

    Attributes
    ----------
    copied_bytes : dict
        Bytes that each stream copied.
    """

    def __init__(self, *, seed: int = 0, longest_delay_s: float = 0.0, memory_bytes: int | None = None) -> None:
        self.rounds_to_tf32 = False
        self.copied_bytes: dict[str, int] = {}
        self.n_allocations = 0
        self.allocated_bytes = 0
        self.peak_bytes = 0
        self._seed, self._longest_delay_s, self._memory_bytes = seed, longest_delay_s, memory_bytes
        self._faults = Faults()
        self._lock = threading.Lock()
        self._streams: dict[str, FakeStream] = {}
        self._default = self.stream("default")

    def stream(self, name: str) -> FakeStream:
        """Return the stream of a name, begun at its first use."""
        if name not in self._streams:
            delays = Random(f"{self._seed} {name}")
            self._streams[name] = FakeStream(name, self._faults, delays, self._longest_delay_s)
        return self._streams[name]

    def event(self, name: EventName) -> FakeEvent:
        """Return a new event."""
        return FakeEvent(name, self._faults)

    def pin(self, n_bytes: int) -> torch.Tensor:
        """Return poisoned bytes."""
        self.n_allocations += 1
        return torch.full((n_bytes,), _POISON, dtype=torch.uint8)

    def allocate(self, n_bytes: int) -> torch.Tensor:
        """Return bytes that are poisoned soon, by the default stream."""
        if self._memory_bytes is not None and self.allocated_bytes + n_bytes > self._memory_bytes:
            # the words of torch, by which the engine knows it
            raise RuntimeError(f"CUDA out of memory. Tried to allocate {n_bytes} bytes on the fake device")
        self.n_allocations += 1
        self.allocated_bytes += n_bytes
        self.peak_bytes = max(self.peak_bytes, self.allocated_bytes)
        tensor = torch.empty(n_bytes, dtype=torch.uint8)
        self.scrub(tensor, self._default)
        return tensor

    def follow(self, stream: Stream) -> None:
        """Order a stream behind the default one."""
        allocated = self.event("allocated")
        self._default.record(allocated)
        stream.wait(allocated)

    def copy(self, stream: Stream, target: torch.Tensor, source: torch.Tensor) -> None:
        """Copy late, on the stream's thread."""
        name = next(name for name, known in self._streams.items() if known is stream)
        with self._lock:
            self.copied_bytes[name] = self.copied_bytes.get(name, 0) + source.nbytes
        stream.run(lambda: target.copy_(source))

    def scrub(self, tensor: torch.Tensor, stream: Stream | None = None) -> None:
        """Poison memory, now or in the order of a stream."""
        if stream is None:
            tensor.fill_(_POISON)
        else:
            stream.run(lambda: tensor.fill_(_POISON))

    @contextmanager
    def tf32(self, allowed: bool) -> Iterator[None]:
        """Return: the engine rounds operands itself."""
        yield

    def multiply(self, total: torch.Tensor, a: torch.Tensor, b: torch.Tensor, *, is_first: bool) -> None:
        """Multiply in the dtype of the total: products of halves are exact there, as they are in a tensor core."""
        if a.dtype != total.dtype:
            a, b = a.to(total.dtype), b.to(total.dtype)
        if is_first:
            torch.mm(a, b, out=total)
        else:
            total.addmm_(a, b)

    def synchronize(self) -> None:
        """Wait for all streams; raise the device's error once."""
        events: list[FakeEvent] = []
        for stream in self._streams.values():
            event = self.event("allocated")
            stream.record(event)
            events.append(event)
        for event in events:
            if event.mark is not None:
                event.mark.passed.wait()
        error = self._faults.clear()
        if error is not None:
            raise error

    def release(self) -> None:
        """Count from nothing again."""
        self.allocated_bytes = 0

    def close(self) -> None:
        """End the threads."""
        for stream in self._streams.values():
            stream.close()
        self._streams.clear()
