"""Dask futures with the face of `session.Future`: failures arrive as this package's errors."""

from __future__ import annotations

import concurrent.futures
import time
from collections.abc import Callable, Mapping
from typing import Any

from distributed import Future as RemoteFuture
from distributed.client import FutureCancelledError
from distributed.scheduler import KilledWorker, NoValidWorkerError, NoWorkerError

from .errors import ClusterLostError, WorkerDiedError

__all__ = ["DaskFuture", "ExitCodes"]

# Asks for the exit code of a worker's process by Dask's name and pid; None while it is not known.
ExitCodes = Callable[[Any, int], int | None]

# The scheduler may notice a death by its closed connection before the nanny has reaped the process.
_REAPING_S = 2.0


class DaskFuture:
    """One task on a Dask cluster.

    Parameters
    ----------
    remote : distributed.Future
    names : mapping
        Our names of the workers by Dask's.
    exit_code : callable
    """

    __slots__ = ("_cancelled", "_exit_code", "_names", "_remote")

    def __init__(self, remote: RemoteFuture, names: Mapping[Any, str], exit_code: ExitCodes) -> None:
        self._remote, self._names, self._exit_code = remote, names, exit_code
        self._cancelled = False

    def done(self) -> bool:
        """Return whether the task has ended, in whatever way."""
        return bool(self._remote.done())

    def result(self) -> Any:
        """Return the task's result, once it has ended, or raise what it raised."""
        try:
            return self._remote.result()
        except (KilledWorker, NoWorkerError, NoValidWorkerError, FutureCancelledError) as error:
            raise self._translate(error) from None

    def exception(self) -> BaseException | None:
        """Return what the task raised, once it has ended, or None.

        A `WorkerDiedError` if its worker's process died, a `ClusterLostError` if no worker was left.
        """
        try:
            error = self._remote.exception()
        except FutureCancelledError as cancelled:
            error = cancelled
        return None if error is None else self._translate(error)

    def cancel(self) -> bool:
        """Ask that the task does not start; one that runs already runs on, and its result is dropped."""
        if self.done():
            return False
        self._cancelled = True
        self._remote.cancel()
        return True

    def _translate(self, error: BaseException) -> BaseException:
        if isinstance(error, KilledWorker):
            return self._describe_death(error.last_worker)
        if isinstance(error, (NoWorkerError, NoValidWorkerError)):
            return ClusterLostError("no worker is left", cause=str(error))
        if isinstance(error, FutureCancelledError):
            if self._cancelled:
                return concurrent.futures.CancelledError()
            return ClusterLostError("the scheduler forgot a task", cause=str(error))
        return error

    def _describe_death(self, worker: Any) -> WorkerDiedError:
        deadline = time.monotonic() + _REAPING_S
        while (code := self._exit_code(worker.name, worker.pid)) is None and time.monotonic() < deadline:
            time.sleep(0.01)
        name = self._names.get(worker.name, str(worker.name))
        return WorkerDiedError.of(name, pid=worker.pid, exitcode=code)
