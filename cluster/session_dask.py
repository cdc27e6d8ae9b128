"""A session on a Dask cluster that this process starts, owns and takes down."""

from __future__ import annotations

import atexit
import shutil
import threading
import time
from collections.abc import Callable, Collection
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

import dask
from distributed import Client

from .config import Precision
from .config_dask import session_settings
from .errors import ClusterLostError, ClusterStartError
from .preload import is_bound_to_parent
from .session_futures import DaskFuture
from .session_log import quiet_dask
from .session_start import explain_start, run_interruptibly
from .session_teardown import finish_within, kill_children
from .worker import Device, WorkerFacts, current_facts
from .worker_nanny import nannies_of
from .worker_tasks import pack_task, run_packed

__all__ = ["DaskSession"]

_CLOSE_S = 10.0
# How often a wait looks whether the scheduler is still there.
_HEARTBEAT_S = 1.0


class DaskSession:
    """Runs tasks on worker processes, one task per worker at a time.

    Parameters
    ----------
    kind : {"local", "cuda"}
    device : {"cpu", "cuda"}
    scratch : Path
        Private folder of the workers, removed at the end.
    start : callable
        Returns the Dask cluster.
    precision : {"strict", "standard", "fast"}
        What its workers' flags are set to.

    Raises
    ------
    ClusterStartError
        If a worker does not start or fails its health check.
    """

    def __init__(
        self,
        kind: Literal["local", "cuda"],
        device: Device,
        scratch: Path,
        start: Callable[[], Any],
        *,
        precision: Precision = "standard",
    ) -> None:
        self.kind, self.device, self.precision = kind, device, precision
        self._scratch = scratch
        self._cluster: Any = None
        self._client: Any = None
        self._facts: dict[Any, WorkerFacts] = {}
        self._changed = threading.Condition()
        self._surroundings = ExitStack()
        self._surroundings.enter_context(quiet_dask())
        self._surroundings.enter_context(dask.config.set(session_settings() | {"temporary-directory": str(scratch)}))
        atexit.register(self._abandon)
        try:
            with quiet_dask("asyncio"):
                self._open(start)
        except BaseException:
            self.close()
            raise

    def _open(self, start: Callable[[], Any]) -> None:
        try:
            run_interruptibly(start, self._keep_cluster)
            self._raise_start_errors()
            self._client = Client(self._cluster, security=self._cluster.security, set_as_default=False)
            found = self._client.run(_inspect_worker)
        except Exception as error:
            raise explain_start(error) from error
        for name, nanny in self._cluster.workers.items():
            facts, is_bound = found.get(nanny.worker_address, (None, False))
            if facts is None or not is_bound:
                raise ClusterStartError(f"worker {name} did not run its preparation")
            self._facts[name] = facts

    def _keep_cluster(self, cluster: Any) -> None:
        self._cluster = cluster

    def _raise_start_errors(self) -> None:
        for nanny in nannies_of(self._scratch):
            if nanny.start_error is not None:
                raise nanny.start_error

    @property
    def n_workers(self) -> int:
        """Number of workers that were started."""
        return len(self._facts)

    @property
    def dashboard_link(self) -> str:
        """Address of Dask's dashboard, where it was asked for."""
        return str(self._cluster.dashboard_link)

    def submit(self, function: Callable[..., Any], /, *args: Any, key: str) -> DaskFuture:
        """Start a task and return its future.

        Parameters
        ----------
        function, *args
            Anything that cloudpickle carries; no tensors.
        key : str
            Name of the task. A second task of the same name, while the future of the first is kept, is the first.

        Raises
        ------
        TypeError
            If an argument holds a tensor.
        ClusterLostError
            If the cluster is gone.
        """
        self._check_alive()
        task = pack_task(function, args)
        remote = self._client.submit(run_packed, task, key=key, pure=False, retries=0)
        remote.add_done_callback(self._notice)
        names = {name: facts.name for name, facts in self._facts.items()}
        return DaskFuture(remote, names, self._exit_code)

    def wait(self, futures: Collection[DaskFuture], timeout_s: float | None) -> set[DaskFuture]:
        """Return the futures that are done, once there is one; an empty set if the time runs out.

        Raises
        ------
        ClusterLostError
            If the cluster is gone and none is done.
        """
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        with self._changed:
            while True:
                done = {future for future in futures if future.done()}
                remaining_s = _HEARTBEAT_S if deadline is None else deadline - time.monotonic()
                if done or not futures or remaining_s <= 0:
                    return done
                self._check_alive()
                self._changed.wait(min(remaining_s, _HEARTBEAT_S))

    def facts(self) -> tuple[WorkerFacts, ...]:
        """Return what the workers are; pids are those of the processes that run now."""
        workers = self._cluster.workers if self._cluster is not None else {}
        pids = {name: nanny.started_pid for name, nanny in workers.items()}
        found = (replace(facts, pid=pids.get(name) or facts.pid) for name, facts in self._facts.items())
        return tuple(sorted(found, key=lambda facts: (len(facts.name), facts.name)))

    def close(self) -> None:
        """End the cluster within bounded time: politely for 10 s, then by force."""
        try:
            with quiet_dask("asyncio"):
                finish_within(_CLOSE_S, self._close_politely)
        finally:
            # also where a second Ctrl-C cuts the politeness short
            self._abandon()
            if self._cluster is not None:
                # or distributed closes it once more at the end of the interpreter
                self._cluster.shutdown_on_close = False
            self._client = self._cluster = None
            self._surroundings.close()
            atexit.unregister(self._abandon)

    def _close_politely(self) -> None:
        if self._client is not None:
            self._client.close()
        if self._cluster is not None:
            self._cluster.close(timeout=_CLOSE_S)

    def _abandon(self) -> None:
        # At the end of the interpreter Dask's own threads cannot start any more: closing politely would hang.
        self._kill_workers()
        shutil.rmtree(self._scratch, ignore_errors=True)

    def _kill_workers(self) -> None:
        nannies = nannies_of(self._scratch)
        for nanny in nannies:
            nanny.retire()
        kill_children(pid for nanny in nannies for pid in (nanny.started_pid, nanny.pid) if pid is not None)

    def _notice(self, _: Any) -> None:
        with self._changed:
            self._changed.notify_all()

    def _check_alive(self) -> None:
        if self._client is None or self._client.status != "running":
            status = "closed" if self._client is None else self._client.status
            raise ClusterLostError("the cluster is gone", cause=f"its client is {status}")

    def _exit_code(self, name: Any, pid: int) -> int | None:
        nanny = self._cluster.workers.get(name) if self._cluster is not None else None
        return nanny.exits.get(pid) if nanny is not None else None

    def __enter__(self) -> DaskSession:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def _inspect_worker() -> tuple[WorkerFacts | None, bool]:
    return current_facts(), is_bound_to_parent()
