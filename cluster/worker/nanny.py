"""The keeper of one worker process: starts it cleanly, prepares it, starts it again, and remembers how it died."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import time
import weakref
from pathlib import Path
from typing import Any

from distributed import Nanny, Status

from ..children import kill_child
from ..preload import log_environment
from .deaths import Death, OomCount
from .process import WorkerFacts
from .spawning import spawning

__all__ = ["WorkerNanny", "nannies_of"]

_LOGGER = logging.getLogger("arraymill.cluster")
# Dask's note to its workers, for the titles of processes.
_PARENT_PID = "__DASK_PARENT_PID"
_LOOK_S = 0.02
# Less than Dask's own limit (death_timeout), after which it gives the worker up for ever.
_RESTART_S = 100.0
# Starts that failed in a row, by an error of the worker's own: after that many its device is taken to be broken.
_MOST_FAILED_STARTS = 5


class WorkerNanny(Nanny):  # type: ignore[misc]  # distributed has no types
    """A nanny that leaves nothing in the driver's environment and brings no script to the worker.

    Parameters
    ----------
    prepare : PrepareWorker
        Runs before the worker joins; if it raises, the worker does not join.
    logs : Path, optional
        Folder for what the worker prints.
    ooms : OomCount, optional
        One for all workers of a cluster.
    """

    def __init__(
        self,
        *args: Any,
        prepare: Any,
        plugins: Any = (),
        logs: Path | None = None,
        ooms: OomCount | None = None,
        **kwargs: Any,
    ) -> None:
        self.worker_name = prepare.names.get(kwargs.get("name"), str(kwargs.get("name")))
        self.facts: WorkerFacts | None = None
        self.started_pid: int | None = None
        self.deaths: dict[int, Death] = {}
        self.retired = False
        # LocalCUDACluster drops the exceptions of workers that fail to start; here they can be found.
        self.start_error: Exception | None = None
        self.folder = str(kwargs.get("local_directory"))
        self._ooms = ooms or OomCount()
        self._running_pid: int | None = None
        self._ended_by_us: set[int] = set()
        self._has_joined = False
        self._n_failed_starts = 0
        _nannies.add(self)
        if logs is not None:
            kwargs["env"] = {**(kwargs.get("env") or {}), **log_environment(logs / f"{self.worker_name}.log")}
        super().__init__(*args, plugins=(*plugins, prepare), **kwargs)

    @property
    def is_lost(self) -> bool:
        """Whether its worker is gone for good."""
        return self.retired or self.status in (Status.closing, Status.closed, Status.failed)

    async def instantiate(self) -> Any:
        """Start the worker process and wait until it has joined."""
        # Children inherit the mask of this thread (never the main thread), so Ctrl-C cannot hit a worker that is
        # still importing; later the preload ignores the signal for good.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        self._has_joined = False
        try:
            with spawning({*self.pre_spawn_env, _PARENT_PID}):
                status = await self._watch_start(asyncio.ensure_future(super().instantiate()))
        except Exception as error:
            self.start_error = error
            raise
        if status == Status.running:
            self.started_pid = self.pid or self._running_pid
            self._has_joined, self._n_failed_starts = True, 0
        return status

    async def _watch_start(self, starting: asyncio.Future[Any]) -> Any:
        """Wait for a start, keep the pid of its process, and kill a process that does not get anywhere."""
        is_restart, deadline = self.started_pid is not None, time.monotonic() + _RESTART_S
        try:
            await asyncio.sleep(0)
            # now the start has made the object that its process belongs to
            self._note_pid_at_end(self.process)
            while not (await asyncio.wait({starting}, timeout=_LOOK_S))[0]:
                self._running_pid = self.pid or self._running_pid
                is_late = is_restart and time.monotonic() > deadline
                if self._running_pid is not None and (is_late or self.retired):
                    deadline = float("inf")
                    self._n_failed_starts += is_late
                    self.end_process(self._running_pid)
        finally:
            starting.cancel()
        return starting.result()

    def _note_pid_at_end(self, process: Any) -> None:
        # Dask drops the pid before it tells of the end, and a process may end before anybody has looked at it.
        if process is None:
            return
        mark_stopped = process.mark_stopped

        def note_and_mark() -> None:
            if process.process is not None:
                self._running_pid = process.process.pid
            mark_stopped()

        process.mark_stopped = note_and_mark

    def retire(self) -> None:
        """Do not start the worker again when its process ends."""
        self.retired = True

    def end_process(self, pid: int) -> bool:
        """Kill the worker's process if it is the one of that number, and return whether it was."""
        if pid not in (self.pid, self.started_pid, self._running_pid):
            return False
        self._ended_by_us.add(pid)
        return kill_child(pid)

    async def restart(self, timeout: float = 30, reason: str = "") -> Any:
        """Kill the worker; its end starts it again. Dask's own way would start two."""
        if self.pid is not None:
            self.end_process(self.pid)
        return "OK"

    def close_gracefully(self, reason: str = "") -> None:
        """Do nothing: a worker that was told to leave by the scheduler is started again all the same."""

    def _on_worker_exit_sync(self, exitcode: int) -> None:
        pid, self._running_pid = self._running_pid, None
        if pid is not None:
            group = "" if pid in self._ended_by_us else self._ooms.group_of(exitcode)
            self.deaths[pid] = Death(self.worker_name, pid, exitcode, group)
        if not self._has_joined and exitcode != -signal.SIGKILL:
            self._n_failed_starts += 1
        if not self.retired:
            super()._on_worker_exit_sync(exitcode)

    async def _on_worker_exit(self, exitcode: int) -> None:
        if self.status != Status.running:
            await super()._on_worker_exit(exitcode)
            return
        with contextlib.suppress(OSError):
            await self._unregister()
        if self._n_failed_starts >= _MOST_FAILED_STARTS:
            self.retire()
        if self.is_lost:
            return
        # Dask would start again in the same object, where the start that has just failed may still be polling: it
        # takes the new process's message for its own and drops it, and the worker never joins.
        self.process = None
        try:
            await self.instantiate()
        except Exception as error:  # noqa: BLE001 - the process that could not start ends, and this runs again
            _LOGGER.debug("worker %s did not start again: %s", self.worker_name, error)


_nannies: weakref.WeakSet[WorkerNanny] = weakref.WeakSet()


def nannies_of(folder: Path | str) -> list[WorkerNanny]:
    """Return the nannies of the cluster that works in `folder`, also of one that did not get as far as to exist."""
    return [nanny for nanny in list(_nannies) if nanny.folder == str(folder)]
