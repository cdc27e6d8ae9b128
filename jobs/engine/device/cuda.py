"""A GPU: the first of this process's list, by torch's streams, events and caching allocators."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any, Literal

import torch

from .device import Event, EventName, Stream

__all__ = ["CudaDevice"]


def _new(kind: Any, *args: Any, **kwargs: Any) -> Any:
    """Return an object of a class of torch whose constructor has no types."""
    return kind(*args, **kwargs)


class _CudaEvent:
    __slots__ = ("event",)

    def __init__(self) -> None:
        # blocking: a thread that waits sleeps; the threads that read and write need the cores
        self.event: Any = _new(torch.cuda.Event, enable_timing=True, blocking=True)

    def synchronize(self) -> None:
        self.event.synchronize()

    def seconds_to(self, later: Event) -> float:
        assert isinstance(later, _CudaEvent)
        return float(self.event.elapsed_time(later.event)) * 1e-3


class _CudaStream:
    __slots__ = ("stream",)

    def __init__(self, stream: Any) -> None:
        self.stream = stream

    def run(self, work: Callable[[], object]) -> None:
        with torch.cuda.stream(self.stream):
            work()

    def wait(self, event: Event) -> None:
        assert isinstance(event, _CudaEvent)
        self.stream.wait_event(event.event)

    def record(self, event: Event) -> None:
        assert isinstance(event, _CudaEvent)
        event.event.record(self.stream)


class CudaDevice:
    """A GPU.

    Parameters
    ----------
    name : str
        Torch's: ``"cuda:0"``.
    """

    rounds_to_tf32 = True

    def __init__(self, name: str = "cuda:0") -> None:
        self.name = name
        self.n_allocations = 0

    def stream(self, name: str) -> Stream:
        """Return a new stream; its name is not used."""
        return _CudaStream(_new(torch.cuda.Stream, self.name))

    def event(self, name: EventName) -> Event:
        """Return a new event; its name is not used."""
        return _CudaEvent()

    def pin(self, n_bytes: int) -> torch.Tensor:
        """Return pinned memory; torch rounds its size up to a power of two."""
        self.n_allocations += 1
        return torch.empty(n_bytes, dtype=torch.uint8, pin_memory=True)

    def allocate(self, n_bytes: int) -> torch.Tensor:
        """Return device memory, in the order of the current stream."""
        self.n_allocations += 1
        return torch.empty(n_bytes, dtype=torch.uint8, device=self.name)

    def follow(self, stream: Stream) -> None:
        """Order a stream behind the current one: memory from torch's cache may still be in use there."""
        allocated = _CudaEvent()
        allocated.event.record(torch.cuda.current_stream(self.name))
        stream.wait(allocated)

    def copy(self, stream: Stream, target: torch.Tensor, source: torch.Tensor) -> None:
        """Start a copy of contiguous bytes: a strided one would block."""
        stream.run(lambda: target.copy_(source, non_blocking=True))

    def scrub(self, tensor: torch.Tensor, stream: Stream | None = None) -> None:
        """Return: what is in a slot will be overwritten."""

    @contextmanager
    def tf32(self, allowed: bool) -> Iterator[None]:
        """Set torch's flag, which a product reads when it is started, and restore it."""
        matmul: Any = torch.backends.cuda.matmul
        name, value = ("fp32_precision", "tf32" if allowed else "ieee") if self._has_new_names else (
            "allow_tf32", allowed)  # fmt: skip
        before = getattr(matmul, name)
        setattr(matmul, name, value)
        try:
            yield
        finally:
            setattr(matmul, name, before)

    def multiply(self, total: torch.Tensor, a: torch.Tensor, b: torch.Tensor, *, is_first: bool) -> None:
        """Multiply into the total; halves by kernels that add up and give out float32."""
        mm: Any = torch.mm
        addmm: Any = torch.addmm
        if a.dtype == total.dtype:
            if is_first:
                torch.mm(a, b, out=total)
            else:
                total.addmm_(a, b)
        elif self._halves == "none":
            self.multiply(total, a.to(total.dtype), b.to(total.dtype), is_first=is_first)
        elif is_first:
            mm(a, b, out_dtype=total.dtype, out=total)
        elif self._halves == "addmm":
            addmm(total, a, b, out_dtype=total.dtype, out=total)
        else:
            total.add_(mm(a, b, out_dtype=total.dtype))

    def synchronize(self) -> None:
        """Wait for the GPU."""
        torch.cuda.synchronize(self.name)

    def release(self) -> None:
        """Empty torch's caches: of device memory, and of pinned memory where torch can."""
        torch.cuda.empty_cache()
        empty_pinned: Any = getattr(torch._C, "_host_emptyCache", None)
        if empty_pinned is not None:
            empty_pinned()

    def close(self) -> None:
        """Return: torch's streams have no end."""

    @property
    def _has_new_names(self) -> bool:
        # torch 2.9 replaced `allow_tf32` and refuses a mixture, see cluster/worker/precision.py
        return hasattr(torch.backends.cudnn, "conv")

    @cached_property
    def _halves(self) -> Literal["addmm", "mm", "none"]:
        """Which products of halves give float32: torch 2.7 has none, and 2.8 none that adds to a float32 in place."""
        total = torch.zeros((16, 16), device=self.name)
        half = torch.ones((16, 16), dtype=torch.float16, device=self.name)
        mm: Any = torch.mm
        addmm: Any = torch.addmm
        try:
            mm(half, half, out_dtype=torch.float32, out=total)
        except (RuntimeError, TypeError):
            return "none"
        try:
            addmm(total, half, half, out_dtype=torch.float32, out=total)
        except (RuntimeError, TypeError):
            return "mm"
        return "addmm"
