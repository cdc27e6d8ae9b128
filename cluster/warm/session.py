"""A session on the warm cluster: it starts nothing, and leaves the cluster as it was."""

from __future__ import annotations

import time
from contextlib import ExitStack
from functools import partial
from typing import Any

import dask
from distributed import Client
from distributed.security import Security

from ..dask_settings import session_settings
from ..errors import ClusterLostError
from ..session.client import ClientSession
from ..session.log import quiet_dask
from ..session.start import run_interruptibly
from ..session.teardown import finish_within
from ..worker.deaths import Death
from ..worker.keeper import ask_keeper
from ..worker.process import WorkerFacts
from .home import WarmCluster

__all__ = ["AttachedSession"]

_CONNECT_S = 30.0
_ANSWER_S = 30.0
_CLOSE_S = 10.0
# What the workers are changes only when one is replaced.
_FACTS_S = 0.5


class AttachedSession(ClientSession):
    """Runs tasks on the workers of a warm cluster.

    Parameters
    ----------
    cluster : WarmCluster

    Raises
    ------
    ClusterLostError
        If its scheduler does not answer.
    """

    def __init__(self, cluster: WarmCluster) -> None:
        self._remote, self._folder = _RemoteKeeper(cluster.folder), cluster.folder
        super().__init__(cluster.kind, cluster.device, cluster.precision, self._remote)
        self._surroundings = ExitStack()
        self._surroundings.enter_context(quiet_dask())
        self._surroundings.enter_context(dask.config.set(session_settings()))
        try:
            self._remote.client = _connect(cluster)
            self._take(self._remote.client)
            self._check_alive()
        except BaseException:
            self.close()
            raise

    @property
    def folder(self) -> str:
        """Folder of the workers' files."""
        return self._folder

    def close(self) -> None:
        """Leave the cluster, within bounded time; it drops this session's tasks."""
        try:
            if self._client is not None:
                with quiet_dask("asyncio"):
                    finish_within(_CLOSE_S, self._client.close)
        finally:
            self._client = self._remote.client = None
            self._surroundings.close()


def _connect(cluster: WarmCluster) -> Client:
    keys = {"tls_client_cert": cluster.certificate, "tls_client_key": cluster.key}
    security = Security(require_encryption=True, tls_ca_file=cluster.certificate, **keys)
    connect = partial(Client, cluster.address, security=security, set_as_default=False, timeout=_CONNECT_S)
    found: list[Client] = []
    try:
        with quiet_dask("asyncio"):
            # a client that is cut short while it connects hangs for a minute when it is taken apart
            run_interruptibly(connect, found.append)
        return found[0]
    except (OSError, TimeoutError) as error:
        raise ClusterLostError(
            f"the warm cluster (pid {cluster.pid}) does not answer",
            cause=str(error) or type(error).__name__,
            next="run `arraymill cluster stop`, and start it again",
        ) from error


class _RemoteKeeper:
    """Asks the keeper in the server's process."""

    def __init__(self, folder: str) -> None:
        self.client: Any = None
        self._folder = folder
        self._facts: tuple[WorkerFacts, ...] = ()
        self._asked_s = float("-inf")

    def facts(self) -> tuple[WorkerFacts, ...]:
        if self.client is not None and time.monotonic() - self._asked_s > _FACTS_S:
            self._facts = self._ask("facts")
            self._asked_s = time.monotonic()
        return self._facts

    def problem(self) -> str:
        return str(self._ask("problem"))

    def death_of(self, name: Any, pid: int) -> Death:
        found: Death = self._ask("death_of", name, pid)
        return found

    def replace(self, pid: int) -> bool:
        return bool(self._ask("replace", pid))

    def retire(self, name: str) -> bool:
        self._asked_s = float("-inf")
        return bool(self._ask("retire", name))

    def _ask(self, method: str, *args: Any) -> Any:
        if self.client is None:
            raise ClusterLostError("the session is closed", cause="it has left the warm cluster")
        try:
            return self.client.sync(
                self.client._run_on_scheduler, ask_keeper, self._folder, method, *args, callback_timeout=_ANSWER_S
            )
        except (OSError, TimeoutError) as error:
            raise ClusterLostError("the warm cluster does not answer", cause=str(error)) from error
