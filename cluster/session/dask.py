"""A session on a Dask cluster that this process starts, owns and takes down."""

from __future__ import annotations

import atexit
import shutil
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Literal

import dask
from distributed import Client

from ..config import Precision
from ..dask_settings import session_settings
from ..errors import ClusterStartError
from ..preload import is_bound_to_parent
from ..worker.keeper import WorkerKeeper
from ..worker.nanny import nannies_of
from ..worker.process import Device, WorkerFacts, current_facts
from .client import ClientSession
from .log import quiet_dask
from .start import explain_start, run_interruptibly
from .teardown import finish_within

__all__ = ["DaskSession"]

_CLOSE_S = 10.0


class DaskSession(ClientSession):
    """Runs tasks on worker processes that it starts and ends, one task per worker at a time.

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
        self._workers = WorkerKeeper(str(scratch))
        super().__init__(kind, device, precision, self._workers)
        self._scratch = scratch
        self._cluster: Any = None
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
            # too: a client that is cut short while it connects hangs for a minute when it is taken apart
            run_interruptibly(self._connect, self._take)
            found = self._client.run(_inspect_worker)
        except Exception as error:
            raise explain_start(error) from error
        for nanny in nannies_of(self._scratch):
            facts, is_bound = found.get(nanny.worker_address, (None, False))
            if facts is None or not is_bound:
                raise ClusterStartError(f"worker {nanny.worker_name} did not run its preparation")
            nanny.facts = facts

    def _connect(self) -> Client:
        return Client(self._cluster, security=self._cluster.security, set_as_default=False)

    def _keep_cluster(self, cluster: Any) -> None:
        self._cluster = cluster

    def _raise_start_errors(self) -> None:
        for nanny in nannies_of(self._scratch):
            if nanny.start_error is not None:
                raise nanny.start_error

    @property
    def dashboard_link(self) -> str:
        """Address of Dask's dashboard, where it was asked for."""
        return str(self._cluster.dashboard_link)

    @property
    def scheduler_address(self) -> str:
        """Address of the scheduler."""
        return str(self._cluster.scheduler_address)

    @property
    def folder(self) -> str:
        """Folder of the workers' files, the name of the cluster to `WorkerKeeper`."""
        return str(self._scratch)

    @property
    def security(self) -> Any:
        """The keys of the cluster, a `distributed.Security`: whoever has them can run code here."""
        return self._cluster.security

    def add_plugin(self, plugin: Any) -> None:
        """Let a `distributed.SchedulerPlugin` follow what the scheduler does."""
        self._client.register_plugin(plugin)

    def close(self) -> None:
        """End the cluster within bounded time: the workers at once, the rest politely for 10 s, then by force."""
        try:
            with quiet_dask("asyncio"):
                # First, since Dask's polite end of a worker hangs where one is just starting again. Nothing is lost:
                # their files are scratch, and whoever closes has what it wants.
                self._workers.end_all()
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
        self._workers.end_all()
        shutil.rmtree(self._scratch, ignore_errors=True)


def _inspect_worker() -> tuple[WorkerFacts | None, bool]:
    return current_facts(), is_bound_to_parent()
