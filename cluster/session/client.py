"""What every session that works through a Dask client does alike: send tasks, wait for them, be rid of a worker."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Sequence
from types import TracebackType
from typing import Any, Literal, Protocol, Self

from ..config import Precision
from ..errors import ClusterLostError
from ..openssl import mend_tls
from ..worker.deaths import Death
from ..worker.process import Device, WorkerFacts
from ..worker.shared import SharedTask, run_shared, run_shared_batch, share_task
from ..worker.tasks import pack_call, pack_task, refuse_tensors, run_packed
from .futures import DaskFuture

__all__ = ["ClientSession", "Keeper"]

_SEND_S = 0.0005
# How often a wait looks whether the scheduler and a worker are still there.
_HEARTBEAT_S = 1.0
# The scheduler may notice a death by its closed connection before the nanny has reaped the process. One that still
# lives after the first time has only lost its connection; a machine under load may take the second to reap it.
_LIVING_S = 2.0
_REAPING_S = 15.0


class Keeper(Protocol):
    """Who looks after the workers: `WorkerKeeper` where their nannies are, or somebody who asks it."""

    def facts(self) -> tuple[WorkerFacts, ...]:
        """Return what the workers are that are not lost."""
        ...

    def problem(self) -> str:
        """Return why workers are lost, as far as it is known."""
        ...

    def death_of(self, name: Any, pid: int) -> Death:
        """Return how a worker's process ended."""
        ...

    def replace(self, pid: int) -> bool:
        """Kill a worker's process, which is then started again."""
        ...

    def retire(self, name: str) -> bool:
        """Kill a worker's process for good."""
        ...


class ClientSession:
    """Runs tasks on the workers of a Dask cluster, one task per worker at a time.

    Parameters
    ----------
    kind : {"local", "cuda"}
    device : {"cpu", "cuda"}
    precision : {"strict", "standard", "fast"}
    keeper : Keeper
    """

    def __init__(self, kind: Literal["local", "cuda"], device: Device, precision: Precision, keeper: Keeper) -> None:
        mend_tls()
        self.kind, self.device, self.precision = kind, device, precision
        self._keeper = keeper
        self._client: Any = None
        self._changed = threading.Condition()
        self._n_changes = 0

    def _take(self, client: Any) -> None:
        """Work through this client from now on."""
        self._client = client
        # Dask holds a message back for 10 ms after the one before: a task that follows a result would wait for that.
        client.scheduler_comm.interval = _SEND_S

    @property
    def n_workers(self) -> int:
        """Number of workers that are not lost; one that is just starting again counts."""
        return len(self.facts())

    def submit(self, function: Callable[..., Any], /, *args: Any, key: str) -> DaskFuture:
        """Start a task and return its future.

        Parameters
        ----------
        function, *args
            Anything that cloudpickle carries; no tensors.
        key : str
            Name of the task. A second task of the same name, while the first is under way, is the first.

        Raises
        ------
        TypeError
            If an argument holds a tensor.
        ClusterLostError
            If the cluster is gone.
        """
        self._check_alive()
        if isinstance(function, SharedTask):
            refuse_tensors(args, "an argument")
            return self._send(pack_call(run_shared, function, args), key)
        return self._send(pack_task(function, args), key)

    def share(self, function: Callable[..., Any], /, *common: Any) -> SharedTask:
        """Return a name for a function and its first arguments, which each worker reads once; it can be submitted.

        Raises
        ------
        TypeError
            If an argument holds a tensor or cannot be pickled.
        """
        return share_task(self.folder, function, common)

    def submit_batch(self, function: SharedTask, items: Sequence[tuple[Any, ...]], *, key: str) -> DaskFuture:
        """Start calls of a shared function, one after another on one worker; the result is a list of their outcomes."""
        self._check_alive()
        refuse_tensors(items, "an argument")
        return self._send(pack_call(run_shared_batch, function, items), key)

    def _send(self, task: bytes, key: str) -> DaskFuture:
        remote = self._client.submit(run_packed, task, key=key, pure=False, retries=0)
        return DaskFuture(remote, self._await_death, self._notice)

    @property
    def folder(self) -> str:
        """Private folder of the workers' files."""
        raise NotImplementedError

    def wait(self, futures: Collection[DaskFuture], timeout_s: float | None) -> set[DaskFuture]:
        """Return the futures that are done, once there is one; an empty set if the time runs out.

        Raises
        ------
        ClusterLostError
            If the cluster or every worker is gone and none is done.
        """
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        while True:
            seen = self._n_changes
            done = {future for future in futures if future.done()}
            remaining_s = _HEARTBEAT_S if deadline is None else deadline - time.monotonic()
            if done or not futures or remaining_s <= 0:
                return done
            self._check_alive()
            self._wait_for_change(seen, min(remaining_s, _HEARTBEAT_S))

    def facts(self) -> tuple[WorkerFacts, ...]:
        """Return what the workers are that are not lost; pids are those of the processes that run now."""
        return self._keeper.facts()

    def replace(self, pid: int) -> bool:
        """Kill a worker's process, whatever it is doing; another is started, and its task ends in `WorkerDiedError`.

        Parameters
        ----------
        pid : int
            Of the worker, as in `WorkerFacts.pid`.

        Returns
        -------
        bool
            False if this is no worker's process, or it has ended already.
        """
        return self._keeper.replace(pid)

    def retire(self, name: str) -> bool:
        """Kill a worker for good; `n_workers` falls.

        Parameters
        ----------
        name : str
            As in `WorkerFacts.name`.

        Returns
        -------
        bool
            False if no worker that is left has this name.
        """
        is_retired = self._keeper.retire(name)
        self._notice(None)
        return is_retired

    def close(self) -> None:
        """End the session, within bounded time."""
        raise NotImplementedError

    def _await_death(self, name: Any, pid: int) -> Death:
        death = self._poll_death(name, pid, _LIVING_S)
        if death.exitcode is None:
            # Stopped, or cut off: the scheduler has given it up for good, so that another must take its place.
            self._keeper.replace(pid)
            death = self._poll_death(name, pid, _REAPING_S)
        return death

    def _poll_death(self, name: Any, pid: int, timeout_s: float) -> Death:
        deadline = time.monotonic() + timeout_s
        while (death := self._keeper.death_of(name, pid)).exitcode is None and time.monotonic() < deadline:
            time.sleep(0.01)
        return death

    def _notice(self, _: Any) -> None:
        with self._changed:
            self._n_changes += 1
            self._changed.notify_all()

    def _wait_for_change(self, seen: int, timeout_s: float) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._n_changes != seen, timeout_s)

    def _check_alive(self) -> None:
        if self._client is None or self._client.status != "running":
            status = "closed" if self._client is None else self._client.status
            raise ClusterLostError("the cluster is gone", cause=f"its client is {status}")
        if not self._keeper.facts():
            raise ClusterLostError("no worker is left", cause=self._keeper.problem())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
