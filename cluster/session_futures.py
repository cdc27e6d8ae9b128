"""Dask futures with the face of `session.Future`: failures arrive as this package's errors."""

from __future__ import annotations

import concurrent.futures
from collections.abc import Callable
from typing import Any

from distributed import Future as RemoteFuture
from distributed.client import FutureCancelledError
from distributed.scheduler import KilledWorker, NoValidWorkerError, NoWorkerError

from .errors import ClusterLostError, WorkerDiedError
from .worker_deaths import Death

__all__ = ["DaskFuture"]

_LOOK_S = 1.0
# More than a large result takes.
_FETCH_S = 60.0


class DaskFuture:
    """One task on a Dask cluster.

    Parameters
    ----------
    remote : distributed.Future
    death_of : callable
        Says how a worker's process ended, by Dask's name of the worker and the pid.
    """

    __slots__ = ("_cancelled", "_death_of", "_remote")

    def __init__(self, remote: RemoteFuture, death_of: Callable[[Any, int], Death]) -> None:
        self._remote, self._death_of = remote, death_of
        self._cancelled = False

    def done(self) -> bool:
        """Return whether the task has ended, in whatever way."""
        return bool(self._remote.done())

    def result(self) -> Any:
        """Return the task's result, once it has ended, or raise what it raised."""
        error = self.exception()
        if error is not None:
            raise error
        timeout_s = _FETCH_S
        while True:
            try:
                return self._remote.result(timeout=timeout_s)
            except TimeoutError:
                if self._is_lost():
                    raise self._forget() from None
                timeout_s *= 2
            except FutureCancelledError as cancelled:
                raise self._translate(cancelled) from None

    def exception(self) -> BaseException | None:
        """Return what the task raised, once it has ended, or None.

        A `WorkerDiedError` if its worker's process died, a `ClusterLostError` if no worker was left.
        """
        while True:
            try:
                error = self._remote.exception(timeout=_LOOK_S)
                break
            except TimeoutError:
                if self._is_lost():
                    return self._forget()
        if self._remote.cancelled():
            # to Dask that is no exception, and a lost scheduler cancels everything
            error = self._remote._state.exception
        return None if error is None else self._translate(error)

    def cancel(self) -> bool:
        """Ask that the task does not start; one that runs already runs on, and its result is dropped."""
        if self.done():
            return False
        self._cancelled = True
        self._remote.cancel()
        return True

    def _is_lost(self) -> bool:
        """Return whether its result was there and died with its worker: Dask runs the task again without a word."""
        return bool(self._remote.status == "lost")

    def _forget(self) -> WorkerDiedError:
        self._remote.cancel()
        return WorkerDiedError("the worker that held a task's result died before it was fetched")

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
        death = self._death_of(worker.name, worker.pid)
        return WorkerDiedError.of(death.worker, pid=death.pid, exitcode=death.exitcode, oom_group=death.oom_group)
