"""The engines of this process: one per kind of device, made when it is first needed."""

from __future__ import annotations

import threading
from typing import Literal, TypeAlias

from .cuda import CudaDevice
from .engine import Engine
from .fake import FakeDevice

__all__ = ["EngineKind", "install_engine", "open_engine", "release_engine"]

EngineKind: TypeAlias = Literal["torch-cuda", "fake"]

_engines: dict[str, Engine] = {}
_lock = threading.Lock()


def open_engine(kind: EngineKind) -> Engine:
    """Return the engine of a kind: the same one for every task of this process."""
    with _lock:
        if kind not in _engines:
            _engines[kind] = Engine(CudaDevice() if kind == "torch-cuda" else FakeDevice())
        return _engines[kind]


def install_engine(kind: EngineKind, engine: Engine | None) -> Engine | None:
    """Put another engine in the place of one, and return that: for tests."""
    with _lock:
        before = _engines.pop(kind, None)
        if engine is not None:
            _engines[kind] = engine
        return before


def release_engine(kind: EngineKind) -> None:
    """Let an engine, if there is one, give its memory back."""
    with _lock:
        engine = _engines.get(kind)
    if engine is not None:
        engine.release()
