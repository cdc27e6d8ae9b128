"""Frees the workers of the warm cluster from tasks that nobody waits for any more."""

from __future__ import annotations

from typing import Any

from distributed import SchedulerPlugin

from ..worker.keeper import WorkerKeeper

__all__ = ["EndOrphans"]


class EndOrphans(SchedulerPlugin):  # type: ignore[misc]  # distributed has no types
    """Replaces the workers that still run tasks of a client that has left, by itself or by SIGKILL.

    Dask forgets such a task and lets it run on: the next job would wait for it, perhaps for ever.

    Parameters
    ----------
    folder : str
        The cluster's, as `WorkerKeeper` knows it.
    """

    name = "arraymill-end-orphans"

    def __init__(self, folder: str) -> None:
        self._keeper = WorkerKeeper(folder)
        self._scheduler: Any = None
        # pids of the workers by the keys of the tasks that were sent to them; pids that may run a forgotten task
        self._sent: dict[Any, int] = {}
        self._orphaned: set[int] = set()

    async def start(self, scheduler: Any) -> None:
        """Remember the scheduler; called by Dask."""
        self._scheduler = scheduler

    def transition(self, key: Any, start: str, finish: str, *args: Any, **kwargs: Any) -> None:
        """Follow one task; called by Dask."""
        if finish == "processing":
            self._sent[key] = self._scheduler.tasks[key].processing_on.pid
        elif start == "processing" and (pid := self._sent.pop(key, None)) is not None:
            # A worker runs one task after another: with the end of a later one, the forgotten one has ended too.
            (self._orphaned.discard if finish in ("memory", "erred") else self._orphaned.add)(pid)

    def remove_client(self, scheduler: Any, client: str) -> None:
        """Replace the workers that the client has left busy; called by Dask."""
        while self._orphaned:
            self._keeper.replace(self._orphaned.pop())
