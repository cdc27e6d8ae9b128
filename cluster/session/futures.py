"""Dask futures with the face of `session.Future`: failures arrive as this package's errors."""

from __future__ import annotations

import asyncio
import concurrent.futures
from collections.abc import Callable
from typing import Any

from distributed import Future as RemoteFuture
from distributed.client import FutureCancelledError
from distributed.comm import CommClosedError
from distributed.scheduler import KilledWorker, NoValidWorkerError, NoWorkerError

from ..errors import ClusterLostError, WorkerDiedError
from ..worker.deaths import Death

__all__ = ["DaskFuture"]


class DaskFuture:
    """One task on a Dask cluster.

    A task is done when its result is *here*: one that lies in the memory of a worker is lost if the worker dies, and
    out of reach while the worker hangs in its next task. Until it has arrived, the task is still under way.

    Parameters
    ----------
    remote : distributed.Future
    death_of : callable
        Says how a worker's process ended, by Dask's name of the worker and the pid.
    on_done : callable
        Called with the future when it is done, from Dask's thread.
    """

    __slots__ = ("_cancelled", "_death_of", "_fetched", "_remote")

    def __init__(
        self,
        remote: RemoteFuture,
        death_of: Callable[[Any, int], Death],
        on_done: Callable[[Any], object] = lambda future: None,
    ) -> None:
        self._remote, self._death_of = remote, death_of
        self._cancelled = False
        self._fetched = asyncio.run_coroutine_threadsafe(_fetch(remote), remote.client.loop.asyncio_loop)
        self._fetched.add_done_callback(on_done)

    def done(self) -> bool:
        """Return whether the task has ended, in whatever way."""
        return self._fetched.done()

    def result(self) -> Any:
        """Return the task's result, once it has ended, or raise what it raised."""
        error = self.exception()
        if error is not None:
            raise error
        return self._fetched.result()[0]

    def exception(self) -> BaseException | None:
        """Return what the task raised, once it has ended, or None.

        A `WorkerDiedError` if its worker's process died, a `ClusterLostError` if no worker was left.
        """
        try:
            error = self._fetched.result()[1]
        except concurrent.futures.CancelledError:
            # the loop of the client has ended
            error = FutureCancelledError(self._remote.key, None, None)
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
        death = self._death_of(worker.name, worker.pid)
        return WorkerDiedError.of(death.worker, pid=death.pid, exitcode=death.exitcode, oom_group=death.oom_group)


async def _fetch(remote: RemoteFuture) -> tuple[Any, BaseException | None]:
    """Return a task's result and None, or None and what it raised; then Dask will not run the task again.

    What lies in the memory of a worker that dies, Dask computes once more as long as somebody holds the future: for
    this client that would be a block that is done already. If the result dies before it was taken, this waits for that
    second run.
    """
    client = remote.client
    while True:
        await remote._state.wait()
        if remote.status in ("error", "cancelled"):
            # not raised: a task may raise what would end the loop
            return None, remote._state.exception
        try:
            result = await remote._result()
            if await client._run_on_scheduler(_forget, remote.key, client.id):
                remote.release()
                return result, None
        except CommClosedError as error:
            return None, FutureCancelledError(remote.key, "the scheduler is gone", str(error))
        except Exception as error:  # noqa: BLE001 - it is the task's; whoever asks for the result is told
            return None, error


def _forget(key: str, client: str, *, dask_scheduler: Any) -> bool:
    """Drop a task whose result was fetched, on the scheduler; return False if the task is to run again meanwhile."""
    task = dask_scheduler.tasks.get(key)
    if task is not None and task.state != "memory":
        return False
    dask_scheduler.client_releases_keys(keys=[key], client=client, stimulus_id=f"fetched-{key}")
    return True
