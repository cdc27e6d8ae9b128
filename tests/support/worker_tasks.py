"""What the tests of clusters run on workers and look up about processes; a module that workers can import."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable

import psutil

TIMEOUT_S = 120.0


def add(a: int, b: int) -> int:
    return a + b


def own_pid(seconds: float = 0.0) -> int:
    time.sleep(seconds)
    return os.getpid()


def fail(message: str) -> None:
    raise ValueError(message)


def kill_self() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def leave(status: int) -> None:
    os._exit(status)


def hold_interpreter(seconds: int) -> None:
    """Sleep with the interpreter's lock held, as a badly written extension does."""
    ctypes.PyDLL(None).sleep(seconds)


def make_tensor() -> object:
    import torch

    return torch.zeros(2)


def environment() -> dict[str, str]:
    return dict(os.environ)


def imported(*names: str) -> set[str]:
    return set(names) & set(sys.modules)


def wait_until(condition: Callable[[], bool], what: str, timeout_s: float = TIMEOUT_S) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"still waiting for: {what}"
        time.sleep(0.02)


def alive(pids: Iterable[int]) -> set[int]:
    """Return the processes that are there and have not ended."""
    return {pid for pid in pids if _is_alive(pid)}


def _is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
