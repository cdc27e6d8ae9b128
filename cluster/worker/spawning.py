"""What is changed in the driver while it starts workers, so that they start clean and nothing stays behind."""

from __future__ import annotations

import multiprocessing.spawn
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["spawning"]

# The name that Dask gives to the processes of its workers.
_WORKER_PROCESS = "Dask Worker process"


class _Spawning:
    """What is changed in this process while any worker starts; several start side by side, and again later."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.depth = 0
        self.environment: dict[str, str | None] = {}
        self.describe_main: Callable[..., dict[str, Any]] = multiprocessing.spawn.get_preparation_data

    def enter(self, names: set[str]) -> None:
        with self.lock:
            for name in names - self.environment.keys():
                self.environment[name] = os.environ.get(name)
            if self.depth == 0:
                self.describe_main = multiprocessing.spawn.get_preparation_data
                multiprocessing.spawn.get_preparation_data = self.describe_without_main
            self.depth += 1

    def leave(self) -> None:
        with self.lock:
            self.depth -= 1
            if self.depth == 0:
                multiprocessing.spawn.get_preparation_data = self.describe_main
                _restore_environment(self.environment)
                self.environment = {}

    def describe_without_main(self, name: str) -> dict[str, Any]:
        # A spawned process imports the driver's script again: a script without a `__main__` guard would start a
        # cluster in every worker, and the command line would cost each one its imports. Tasks travel by value, so
        # nothing is missed.
        preparation = self.describe_main(name)
        if name.startswith(_WORKER_PROCESS):
            preparation.pop("init_main_from_name", None)
            preparation.pop("init_main_from_path", None)
        return preparation


_spawning = _Spawning()


@contextmanager
def spawning(names: set[str]) -> Iterator[None]:
    """Keep the driver's environment and script out of the workers' start, and the workers' settings out of the driver.

    Parameters
    ----------
    names : set of str
        The environment variables that a nanny sets in this process for its worker to inherit.
    """
    _spawning.enter(names)
    try:
        yield
    finally:
        _spawning.leave()


def _restore_environment(before: dict[str, str | None]) -> None:
    for name, value in before.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
