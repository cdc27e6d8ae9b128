"""The keeper of one worker process: starts it cleanly, prepares it, and remembers how it died."""

from __future__ import annotations

import multiprocessing.spawn
import os
import signal
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from distributed import Nanny

__all__ = ["WorkerNanny", "nannies_of", "spawning"]

# Dask's note to its workers, for the titles of processes.
_PARENT_PID = "__DASK_PARENT_PID"
# The name that Dask gives to the processes of its workers.
_WORKER_PROCESS = "Dask Worker process"


class WorkerNanny(Nanny):  # type: ignore[misc]  # distributed has no types
    """A nanny that leaves nothing in the driver's environment and brings no script to the worker.

    Parameters
    ----------
    prepare : PrepareWorker
        Runs before the worker joins; if it raises, the worker does not join.
    """

    def __init__(self, *args: Any, prepare: Any = None, plugins: Any = (), **kwargs: Any) -> None:
        self.started_pid: int | None = None
        self.exits: dict[int, int] = {}
        self.retired = False
        # LocalCUDACluster drops the exceptions of workers that fail to start; here they can be found.
        self.start_error: Exception | None = None
        self.folder = str(kwargs.get("local_directory"))
        _nannies.add(self)
        super().__init__(*args, plugins=(*plugins, *([prepare] if prepare is not None else ())), **kwargs)

    async def instantiate(self) -> Any:
        """Start the worker process and wait until it has joined."""
        # Children inherit the mask of this thread (never the main thread), so Ctrl-C cannot hit a worker that is
        # still importing; later the preload ignores the signal for good.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            with spawning({*self.pre_spawn_env, _PARENT_PID}):
                status = await super().instantiate()
        except Exception as error:
            self.start_error = error
            raise
        self.started_pid = self.pid
        return status

    def retire(self) -> None:
        """Do not start the worker again when its process ends."""
        self.retired = True

    def _on_worker_exit_sync(self, exitcode: int) -> None:
        if self.started_pid is not None:
            self.exits[self.started_pid] = exitcode
        if not self.retired:
            super()._on_worker_exit_sync(exitcode)


_nannies: weakref.WeakSet[WorkerNanny] = weakref.WeakSet()


def nannies_of(folder: Path) -> list[WorkerNanny]:
    """Return the nannies of the cluster that works in `folder`, also of one that did not get as far as to exist."""
    return [nanny for nanny in list(_nannies) if nanny.folder == str(folder)]


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
