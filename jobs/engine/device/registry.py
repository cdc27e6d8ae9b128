"""The engines of this process: one per kind of device, made when it is first needed."""

from __future__ import annotations

import os
import threading
from typing import Literal, TypeAlias

from .cuda import CudaDevice
from .engine import Engine
from .fake import FakeDevice
from .settings import Settings

__all__ = ["EngineKind", "install_engine", "open_engine", "release_engine"]

EngineKind: TypeAlias = Literal["torch-cuda", "fake"]

_DEFAULT = Settings()
_engines: dict[str, Engine] = {}
_lock = threading.Lock()


def open_engine(kind: EngineKind) -> Engine:
    """Return the engine of a kind: the same one for every task of this process."""
    with _lock:
        if kind not in _engines:
            n_cpus = len(os.sched_getaffinity(0))
            settings = Settings(n_readers=min(_DEFAULT.n_readers, n_cpus), n_writers=min(_DEFAULT.n_writers, n_cpus))
            _engines[kind] = Engine(CudaDevice() if kind == "torch-cuda" else FakeDevice(), settings)
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
