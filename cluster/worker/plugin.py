"""The Dask plugin that prepares a worker before it takes its first task."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from distributed import WorkerPlugin

from ..config import Precision
from .process import Device, prepare_process

__all__ = ["PrepareWorker"]


class PrepareWorker(WorkerPlugin):  # type: ignore[misc]  # distributed has no types
    """Runs `prepare_process` in a worker, restarted ones too; a worker that cannot be prepared does not join.

    Parameters
    ----------
    device : {"cpu", "cuda"}
    precision : {"strict", "standard", "fast"}
    threads : int
    names : mapping
        Our names of the workers (``gpu1``) by Dask's (an index or a UUID).
    """

    name = "arraymill-prepare"

    def __init__(
        self, device: Device, precision: Precision, *, threads: int = 1, names: Mapping[Any, str] | None = None
    ) -> None:
        self.device, self.precision, self.threads, self.names = device, precision, threads, dict(names or {})

    def setup(self, worker: Any) -> None:
        """Prepare the worker's process; called by Dask."""
        name = self.names.get(worker.name, str(worker.name))
        prepare_process(self.device, self.precision, threads=self.threads, name=name)
