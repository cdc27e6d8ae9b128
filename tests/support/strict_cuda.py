"""The GPU path of the engine with no GPU: `CudaDevice` on strict tensors, streams and events that do all at once."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from strict_tensor import HiddenWaits, hidden_waits, on_device

from arraymill.jobs.engine.device import CudaDevice, Engine, Settings, install_engine

SMALL = Settings(slot_bytes=256, n_in=3, n_out=2, n_readers=2, n_writers=2)


class Stream:
    """A stream that has done what it is told."""

    def __init__(self, device: str = "cuda:0") -> None:
        assert device == "cuda:0"

    def wait_event(self, event: Event) -> None:
        assert isinstance(event, Event)


class Event:
    """An event that has happened."""

    def __init__(self, *, enable_timing: bool = False, blocking: bool = False) -> None:
        self.is_recorded = False

    def record(self, stream: Stream) -> None:
        assert isinstance(stream, Stream)
        self.is_recorded = True

    def synchronize(self) -> None: ...

    def elapsed_time(self, later: Event) -> float:
        assert self.is_recorded
        assert later.is_recorded
        return 1.0


@contextlib.contextmanager
def strict_gpu(settings: Settings = SMALL) -> Iterator[HiddenWaits]:
    """Let the backend ``torch-cuda`` run on strict tensors; gives where the host waited for them."""
    with pytest.MonkeyPatch.context() as patch, on_device():
        current = Stream()
        answers: dict[str, Any] = {
            "Stream": Stream,
            "Event": Event,
            "stream": lambda stream: contextlib.nullcontext(),
            "current_stream": lambda device=None: current,
            "synchronize": lambda device=None: None,
            "empty_cache": lambda: None,
            "max_memory_reserved": lambda device=None: 0,
            "reset_peak_memory_stats": lambda device=None: None,
        }
        for name, answer in answers.items():
            patch.setattr(torch.cuda, name, answer)
        before = install_engine("torch-cuda", Engine(CudaDevice(), settings))
        hidden_waits.places.clear()
        try:
            yield hidden_waits
        finally:
            install_engine("torch-cuda", before)
